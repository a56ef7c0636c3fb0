import { defineError } from '../core/index.ts';

/** What a verb may touch of the process that it runs in. */
export interface CliContext {
  out: NodeJS.WritableStream;
  err: NodeJS.WritableStream;
  env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C and by SIGTERM. */
  signal: AbortSignal;
  isTty: boolean;
}

export const UsageError = defineError(
  'UsageError',
  'ERR_USAGE',
  'The command was called in a way that it does not understand.',
  'Run it with --help.',
);
