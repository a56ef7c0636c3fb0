import { PassThrough } from 'node:stream';
import type { CliContext } from '../../cli/context.ts';
import { program, runWith } from '../../cli/main.ts';
import type { ApiServer } from './api-server.ts';
import type { Ended } from './command.ts';

/** What a verb printed, and how it ended. */
export interface CliRun {
  out: string;
  err: string;
  /** Code of the error that it threw: of floormesh, or of commander where it was called wrongly. */
  code?: string;
  message?: string;
}

export interface CliRunOptions {
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Gets all that was printed so far, each time that something is. */
  onOut?: (out: string) => void;
}

/** Runs a verb against an API, by its address and token in the environment. */
export async function runCli(
  server: Pick<ApiServer, 'api'> | undefined,
  args: string[],
  options: CliRunOptions = {},
): Promise<CliRun> {
  const gateway =
    server === undefined ? {} : { FLOORMESH_GATEWAY: server.api.url, FLOORMESH_TOKEN: server.api.token };
  const run: CliRun = { out: '', err: '' };
  const context = contextOf(run, { ...options, env: { ...gateway, ...options.env } });
  const argv = ['node', 'floormesh', ...args];
  try {
    await (await program(argv, context)).parseAsync(argv);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    run.code = 'code' in error ? String(error.code) : error.name;
    run.message = error.message;
  }
  return run;
}

/** Runs `floormesh ARGS` in this process, which costs less than one of its own: it prints and ends as that would. */
export async function floormeshHere(args: string[], options: CliRunOptions = {}): Promise<Ended> {
  const printed = { out: '', err: '' };
  const code = await runWith(['node', 'floormesh', ...args], contextOf(printed, options));
  return { code, ...printed };
}

/** What a verb gets: it prints into `run`. */
function contextOf(run: { out: string; err: string }, { env, signal, onOut }: CliRunOptions): CliContext {
  return {
    out: sink((text) => {
      run.out += text;
      onOut?.(run.out);
    }),
    err: sink((text) => (run.err += text)),
    env: { ...env },
    signal: signal ?? new AbortController().signal,
    isTty: false,
  };
}

function sink(take: (text: string) => void): PassThrough {
  const stream = new PassThrough();
  stream.write = (chunk: unknown): boolean => {
    take(String(chunk));
    return true;
  };
  return stream;
}
