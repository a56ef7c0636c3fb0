export default {
  extensions: ['ts'],
  files: ['test/**/*.test.ts'],
  concurrency: 2,
  timeout: '5m',
  workerThreads: false,
  // The tests' own runtime reports to nobody, as the children's do not (inference/child/environment.ts).
  environmentVariables: { ORT_DISABLE_TELEMETRY: '1' },
};
