import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { defineError } from '../../core/index.ts';

export const ProcessFailedError = defineError(
  'ProcessFailedError',
  'ERR_PROCESS_FAILED',
  'A daemon that the demo started ended, or never became ready.',
  'Its log file, which the message names, says why.',
);

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

export interface ProcessInit {
  name: string;
  /** The command line, executable first. */
  command: string[];
  /** Where its standard error goes. */
  logFile: string;
  signal: AbortSignal;
}

/** A daemon in a process of its own. */
export class DaemonProcess {
  readonly name: string;
  /** What it said when it was ready: peer id, addresses. */
  readonly ready: Record<string, unknown>;
  readonly #child: ChildProcess;

  private constructor(name: string, child: ChildProcess, ready: Record<string, unknown>) {
    this.name = name;
    this.#child = child;
    this.ready = ready;
  }

  /**
   * Starts a daemon and waits until it is ready. One that fails is ended before this comes back.
   *
   * @throws {ProcessFailedError} when it ends first or takes too long @throws the signal's reason
   */
  static async start(init: ProcessInit): Promise<DaemonProcess> {
    init.signal.throwIfAborted();
    const [executable = process.execPath, ...args] = init.command;
    // The daemon's input stays open as long as this process lives: killed or not, it leaves no daemon behind.
    const child = spawn(executable, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => undefined);
    child.stderr.pipe(createWriteStream(init.logFile, { flags: 'a' }));
    let complaint = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.startsWith('error ERR_')) complaint = line.slice('error '.length);
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
    try {
      const ready = await firstLine(child, AbortSignal.any([init.signal, timeout]));
      return new DaemonProcess(init.name, child, JSON.parse(ready) as Record<string, unknown>);
    } catch (cause) {
      child.kill('SIGKILL');
      if (child.pid !== undefined) await ended;
      init.signal.throwIfAborted();
      const why = complaint === '' ? (cause as Error).message : complaint;
      throw new ProcessFailedError(`${init.name} did not start: ${why} (log: ${init.logFile})`, { cause });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks it to end, and ends it if it does not. */
  async stop(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(late);
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

function firstLine(child: ChildProcess, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    child.once('error', reject);
    child.once('exit', (code, name) => reject(new Error(`ended with ${code ?? name}`)));
    if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', resolve);
  });
}
