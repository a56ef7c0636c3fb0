/** Providers that compute on this process's own threads. With others the processor waits while the device works. */
const ON_CPU = ['cpu', 'wasm'];
/** The processor clock counts where a run lasts this many of its steps. */
const STEPS_PER_RUN = 20;
/** Steps of the processor clock are looked for at most so long. */
const LOOK_MS = 30;
const US_PER_MS = 1000;

/**
 * Times runs without what other processes took of them. A run that is computed on one thread takes as long as the
 * processor worked for it (getrusage(2)) when it has that to itself; what its wall clock shows beyond that is others'
 * time. On several threads the processor's time is the larger one, and the wall clock counts.
 */
export class RunClock {
  readonly #countsCpu: boolean;
  #wall = 0;
  #cpu = 0;

  /** @param runMs about what a run takes: below some steps of the processor clock, the wall clock alone counts */
  constructor(provider: string, runMs: number, stepMs = cpuStepMs()) {
    this.#countsCpu = ON_CPU.includes(provider) && stepMs * STEPS_PER_RUN <= runMs;
  }

  start(): void {
    this.#cpu = cpuMs();
    this.#wall = performance.now();
  }

  /** Milliseconds since the start. */
  stop(): number {
    const wall = performance.now() - this.#wall;
    return this.#countsCpu ? Math.min(wall, cpuMs() - this.#cpu) : wall;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / US_PER_MS;
}

/** How finely the system counts a process's time: microseconds on Linux, 10 ms and more elsewhere. */
function cpuStepMs(): number {
  const end = performance.now() + LOOK_MS;
  let last = cpuMs();
  let step = Infinity;
  let steps = 0;
  while (performance.now() < end && steps < STEPS_PER_RUN) {
    const now = cpuMs();
    if (now === last) continue;
    step = Math.min(step, now - last);
    last = now;
    steps += 1;
  }
  return step;
}
