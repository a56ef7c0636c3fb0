import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url));

/** The command line of `floormesh ARGS`. */
export function floormeshCommand(...args: string[]): string[] {
  return [process.execPath, BIN, ...args];
}

/** The command line of a daemon. */
export function daemonCommand(role: 'bridge' | 'gateway' | 'node', folder: string): string[] {
  return floormeshCommand(role, 'run', '--config', folder);
}

/** How a command ended, and what it printed. */
export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** A command that runs as a child process. */
export interface Running {
  pid: number;
  /** What it has written to standard output so far. */
  out(): string;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<Ended>;
}

export interface StartOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** In a process group of its own. */
  detached?: boolean;
}

/** Starts a command line. */
export function start(
  [executable = '', ...args]: string[],
  { env, cwd, detached }: StartOptions = {},
): Running {
  const child = spawn(executable, args, {
    cwd,
    detached: detached ?? false,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ended = Promise.all([code, text(child.stderr)]).then(([ending, err]) => ({
    code: ending,
    out: printed,
    err,
  }));
  return {
    pid: child.pid ?? 0,
    out: () => printed,
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** Runs `floormesh ARGS` to its end. */
export function floormesh(args: string[], options?: StartOptions): Promise<Ended> {
  return start(floormeshCommand(...args), options).ended;
}
