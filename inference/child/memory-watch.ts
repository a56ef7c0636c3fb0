import { MEMORY_CHECK_MS } from '../constants.ts';
import { processMemory } from './memory.ts';

export interface MemoryWatch {
  /** The most that was seen, in MiB; 0 where the system does not say. */
  peakMiB(): number;
  /** What was seen last, in MiB. */
  residentMiB(): number;
  stop(): void;
}

/** Looks at a process's memory until stopped, and reports once when more is resident than was granted. */
export function watchMemory(
  pid: number,
  grantMiB: number | undefined,
  onExceeded: (residentMiB: number) => void,
): MemoryWatch {
  let peak = 0;
  let resident = 0;
  let exceeded = false;
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    const memory = await processMemory(pid);
    looking = false;
    if (memory === undefined) return;
    resident = memory.residentMiB;
    peak = Math.max(peak, memory.peakMiB);
    if (grantMiB === undefined || exceeded || resident <= grantMiB) return;
    exceeded = true;
    onExceeded(resident);
  };
  const timer = setInterval(() => void look(), MEMORY_CHECK_MS);
  timer.unref();
  return { peakMiB: () => peak, residentMiB: () => resident, stop: () => clearInterval(timer) };
}
