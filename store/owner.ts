import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * Temporary names carry a mark of the process that made them, so that another one can tell what a kill -9 left behind
 * from what is being written right now: process id, the process's start time (ids come back, in containers with
 * every start), and a random part.
 */
const MARK = /~(\d+)-(\d+)-[0-9a-f]+~/;

let own: string | undefined;

/** A name part that no other call gives, here or in any other process. */
export function ownerMark(): string {
  own ??= `${process.pid}-${startTimeOf(process.pid) ?? 0}`;
  return `~${own}-${randomBytes(8).toString('hex')}~`;
}

/** Whether a name carries the mark of a process that runs no more. */
export function isAbandoned(name: string): boolean {
  const [, pid, start] = MARK.exec(name) ?? [];
  if (pid === undefined) return false;
  if (!isRunning(Number(pid))) return true;
  const now = startTimeOf(Number(pid));
  return now !== undefined && start !== '0' && String(now) !== start;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Field 22 of proc(5)'s stat: clock ticks from boot to the start of the process. Undefined where there is no /proc. */
function startTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name stands in parentheses and may hold anything, so count from the last one.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}
