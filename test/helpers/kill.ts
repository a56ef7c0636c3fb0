import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Starts a process that writes a line for every step, kills it with SIGKILL after some of them, at once or a moment
 * later, so that it dies in the middle of the next, and gives all lines that it wrote.
 */
export async function killAfter(script: URL, args: string[], lines: number, laterMs = 0): Promise<string[]> {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const problems: Buffer[] = [];
  child.stderr.on('data', (bytes: Buffer) => problems.push(bytes));
  const ended = once(child, 'exit');
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (seen.length === lines) setTimeout(() => child.kill('SIGKILL'), laterMs);
  }
  const [, signal] = await ended;
  if (signal !== 'SIGKILL') throw new Error(`it ended by itself: ${Buffer.concat(problems).toString()}`);
  return seen;
}
