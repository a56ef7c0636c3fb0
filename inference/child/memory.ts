import { readFile } from 'node:fs/promises';

const KIB_PER_MIB = 1024;

export interface ProcessMemory {
  /** Resident now, in MiB. */
  residentMiB: number;
  /** The most that was ever resident, in MiB. */
  peakMiB: number;
}

/**
 * Memory of a process as Linux counts it (proc_pid_status(5)). Undefined where there is no such process, or no /proc.
 */
export async function processMemory(pid: number | 'self'): Promise<ProcessMemory | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const residentMiB = field(status, 'VmRSS');
    const peakMiB = field(status, 'VmHWM');
    return residentMiB === undefined || peakMiB === undefined ? undefined : { residentMiB, peakMiB };
  } catch {
    return undefined;
  }
}

function field(status: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
  return found === null ? undefined : Number(found[1]) / KIB_PER_MIB;
}
