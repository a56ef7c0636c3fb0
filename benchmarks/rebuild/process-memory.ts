import { readdir, readFile } from 'node:fs/promises';

const LOOK_EVERY_MS = 100;
const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;

/**
 * Watches what a process and all that descend from it hold in memory (Linux: resident pages, so that what two of them
 * share counts twice).
 */
export function watchMemory(pid: number): { stop(): number } {
  let [peak, stopped] = [0, false];
  const look = async (): Promise<void> => {
    while (!stopped) {
      peak = Math.max(peak, await treeBytes(pid));
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  };
  void look();
  return {
    stop: () => {
      stopped = true;
      return Math.round(peak / MIB);
    },
  };
}

async function treeBytes(root: number): Promise<number> {
  const processes = new Map<number, { parent: number; bytes: number }>();
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    // The fields after the name in brackets, which may hold anything: state, parent … resident pages is the 24th of all.
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    processes.set(Number(name), { parent: Number(fields[1]), bytes: Number(fields[21] ?? 0) * PAGE_BYTES });
  }
  let bytes = 0;
  for (const [pid, process] of processes) if (descends(pid)) bytes += process.bytes;
  return bytes;

  function descends(pid: number): boolean {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = processes.get(at)?.parent)
      if (at === root) return true;
    return false;
  }
}
