import { cp, link, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RuntimeManifest } from '../../core/index.ts';

/** A runtime laid out in a folder of its own, as a node has it after an install. */
export interface RuntimeTree {
  dir: string;
  manifest: RuntimeManifest;
  /** Paths of its files, relative to `dir`. */
  files: string[];
  remove(): Promise<void>;
}

export type RuntimeName = 'onnxruntime-node' | 'onnxruntime-web';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const COMMON = [
  'onnxruntime-common/package.json',
  'onnxruntime-common/dist/cjs',
  'onnxruntime-common/dist/esm',
];

/** What of an npm package is the runtime on this platform; the rest of it is for others, or for bundlers. */
const SELECTED: Record<RuntimeName, { entry: string; providers: string[]; paths: string[] }> = {
  'onnxruntime-node': {
    entry: 'node_modules/onnxruntime-node/dist/index.js',
    providers: ['cpu'],
    paths: [
      'onnxruntime-node/package.json',
      'onnxruntime-node/dist',
      `onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`,
      ...COMMON,
    ],
  },
  'onnxruntime-web': {
    entry: 'node_modules/onnxruntime-web/dist/ort.node.min.mjs',
    providers: ['wasm'],
    paths: [
      'onnxruntime-web/package.json',
      'onnxruntime-web/dist/ort.node.min.mjs',
      'onnxruntime-web/dist/ort-wasm-simd-threaded.mjs',
      'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
      ...COMMON,
    ],
  },
};

/** Lays out an installed runtime: hard links where the file system allows, copies elsewhere. */
export async function runtimeTree(name: RuntimeName, dir?: string): Promise<RuntimeTree> {
  const root = dir ?? (await mkdtemp(join(tmpdir(), `floormesh-${name}-`)));
  const { entry, providers, paths } = SELECTED[name];
  const files: string[] = [];
  for (const path of paths) {
    for (const file of await filesUnder(join(MODULES, path))) {
      if (/\.(map|d\.ts)$/.test(file)) continue;
      const inner = join('node_modules', relative(MODULES, file));
      await place(file, join(root, inner));
      files.push(inner.split(sep).join('/'));
    }
  }
  const manifest: RuntimeManifest = {
    name,
    version: '1.30.0',
    description: '',
    licence: 'MIT',
    entry,
    providers,
  };
  return { dir: root, manifest, files, remove: () => rm(root, { recursive: true, force: true }) };
}

async function filesUnder(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await link(from, to).catch(() => cp(from, to));
}
