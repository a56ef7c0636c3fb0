export default {
  extensions: { ts: 'module' },
  files: ['test/**/*.test.ts'],
  concurrency: 2,
  timeout: '5m',
  workerThreads: false,
};
