export default {
  extensions: ['ts'],
  files: ['test/**/*.test.ts'],
  concurrency: 2,
  timeout: '5m',
  workerThreads: false,
};
