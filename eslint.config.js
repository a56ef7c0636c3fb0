import tseslint from 'typescript-eslint';

/** What each room may import: other rooms by their door, and packages. Nothing here names Node's own modules. */
const ROOMS = {
  core: { rooms: [], packages: ['cbor-x', 'zod'] },
  store: { rooms: ['core'], packages: ['level', 'classic-level'] },
  trust: { rooms: ['core', 'store'], packages: [] },
  mesh: {
    rooms: ['core', 'store', 'trust'],
    packages: ['libp2p', '@libp2p/*', '@multiformats/*', 'uint8arraylist'],
  },
  inference: { rooms: ['core'], packages: ['onnxruntime-node', 'onnxruntime-web', 'sharp'] },
  'provider-bridge': {
    rooms: ['core', 'store', 'trust', 'mesh', 'inference'],
    packages: ['zod', 'pino', 'yaml'],
  },
  gateway: {
    rooms: ['core', 'store', 'trust', 'mesh', 'inference'],
    packages: ['zod', 'pino', 'fastify', 'prom-client', '@bufbuild/protobuf'],
  },
  node: {
    rooms: ['core', 'store', 'trust', 'mesh', 'inference'],
    packages: [
      'zod',
      'pino',
      'systeminformation',
      'mqtt',
      'chokidar',
      'jsmodbus',
      'node-opcua-certificate-manager',
      'node-opcua-client',
      '@bufbuild/protobuf',
    ],
  },
  console: { rooms: ['core'], packages: [] },
};

const ALL_ROOMS = [...Object.keys(ROOMS), 'cli', 'apps', 'test', 'benchmarks'];

/** One rule block a room: everything that is not listed is refused, and other rooms only by their index.ts. */
function roomRule(room) {
  const allowed = ROOMS[room];
  const foreign = ALL_ROOMS.filter((other) => other !== room && !allowed.rooms.includes(other));
  const packages = allowed.packages.map((name) => name.replace('/*', '/[a-z0-9-]+').replaceAll('/', '\\/'));
  return {
    files: [`${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ...foreign.map((other) => ({
              regex: `^(\\.\\./)+${other}/`,
              message: `${room}/ may not import ${other}/ (see docs/architecture.md).`,
            })),
            ...allowed.rooms.map((other) => ({
              regex: `^(\\.\\./)+${other}/(?!index\\.ts$)`,
              message: `A room's only door is its index.ts: import ${other}/index.ts.`,
            })),
            {
              regex: `^(?!\\.|node:${packages.map((name) => `|${name}(\\/|$)`).join('')})`,
              message: `${room}/ may not import this package (see docs/architecture.md).`,
            },
          ],
        },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'floormesh-demo/'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      eqeqeq: ['error', 'always'],
    },
  },
  { files: ['*.config.js', 'apps/**/*.ts', 'cli/bin.mjs'], rules: { 'no-restricted-exports': 'off' } },
  ...Object.keys(ROOMS).map(roomRule),
);
