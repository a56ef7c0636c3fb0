import { spawn } from 'node:child_process';
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
  /** The same of standard error. */
  err(): string;
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
  let [printed, complained] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
  child.stderr.on('data', (data: Buffer) => (complained += data.toString()));
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code) => resolve({ code, out: printed, err: complained })),
  );
  return {
    pid: child.pid ?? 0,
    out: () => printed,
    err: () => complained,
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** Runs `floormesh ARGS` to its end. */
export function floormesh(args: string[], options?: StartOptions): Promise<Ended> {
  return start(floormeshCommand(...args), options).ended;
}
