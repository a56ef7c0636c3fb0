import { execFileSync } from 'node:child_process';

interface Process {
  pid: number;
  parent: number;
  command: string;
}

/** Every process of this machine that has not ended. */
function processes(): Process[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || state?.startsWith('Z') === true) return [];
    return [{ pid: Number(pid), parent: Number(parent), command: command ?? '' }];
  });
}

/** A process and all that it and its children started, as far as they still hang together. */
export function familyOf(pid: number): number[] {
  const all = processes();
  const family = [pid];
  for (const member of family)
    family.push(...all.filter(({ parent }) => parent === member).map((child) => child.pid));
  return family;
}

/** Those of some processes that still run. */
export function alive(pids: readonly number[]): number[] {
  return processes().flatMap(({ pid }) => (pids.includes(pid) ? [pid] : []));
}

/** Command lines of running processes that name a folder. */
export function runningOn(folder: string): string[] {
  return processes().flatMap(({ pid, command }) =>
    pid !== process.pid && command.includes(folder) ? [command] : [],
  );
}
