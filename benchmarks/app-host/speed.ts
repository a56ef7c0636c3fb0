import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PACKAGE_PATH } from '../../core/index.ts';
import { fedFromMemory, hostBench } from '../../test/helpers/host-bench.ts';
import { packageTree } from '../../test/helpers/package-tree.ts';
import { bare } from './bare.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { fed } from './fed.ts';
import { quantile } from '../../inference/quantile.ts';

export interface SpeedOutcome {
  /**
   * Events a second of a node's app, which has two processes, to runs a second of bare onnxruntime-node in as many: one
   * that has its inputs from another process, through memory that both have. The middle of all rounds.
   */
  throughputToBareInTwoProcesses: number;
  /** The same to bare onnxruntime-node in one process, which has its input where it was. */
  throughputToBareInOneProcess: number;
  /** Of bare onnxruntime-node in two processes to that in one: what any second process costs. */
  bareInTwoToBareInOneProcess: number;
  bareRunMs: number;
  eventMs: number;
  /** CPU time of a bare run to that of an event in the app's process: what other work on the machine does not change. */
  throughputByCpu: number;
  /** CPU time that the daemon uses for an event, in milliseconds. */
  daemonCpuMs: number;
  /** Milliseconds from a source's event to the app's action, without the middle time of a bare run beside it. */
  addedP50Ms: number;
  addedP99Ms: number;
  /** The same until the answer of bare onnxruntime-node that has its inputs from another process. */
  fedAddedP50Ms: number;
  fedAddedP99Ms: number;
  /** How far bare runs themselves are beyond their middle time, at most 99 of 100. */
  bareP99Ms: number;
}

/** What the fixture `frames` takes: 150,912 bytes. */
const DIMS = [1, 3, 48, 262];
const WARM_UP = 100;
const MAX_WAIT_MS = 60_000;

/**
 * An app of a node and bare onnxruntime-node take turns with the same model, one thread each: first with as many events
 * as they can handle, then with one at a time. A third one says what it costs alone that inputs come from another process.
 */
export async function measureSpeed(init: {
  rounds: number;
  /** Of one round, as fast as they go. */
  events: number;
  /** Of one round, one at a time, with a rest between two. */
  single: number;
  pauseMs: number;
}): Promise<SpeedOutcome> {
  const { rounds, events, single, pauseMs } = init;
  const tree = await packageTree({ app: 'frames' });
  let acted: (() => void) | undefined;
  let handled: (() => void) | undefined;
  const bench = await hostBench({ onAction: () => acted?.(), onOutcome: () => handled?.() });
  const model = join(tree.dir, PACKAGE_PATH.weights('direction'));
  const data = new Uint8Array(
    new Float32Array(DIMS.reduce((product, dim) => product * dim, 1)).fill(0.25).buffer,
  );
  const [other, away] = [await bare(model, DIMS), await fed(model, DIMS, data)];
  const signal = AbortSignal.timeout(MAX_WAIT_MS * rounds);
  const many = async (count: number): Promise<number> => {
    const wanted = bench.outcomes.size + count;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    handled = () => bench.outcomes.size >= wanted && resolve();
    signal.addEventListener('abort', () => reject(signal.reason));
    const begun = performance.now();
    for (let i = 0; i < count; i += 1) bench.emit('frame', data);
    await promise;
    return (performance.now() - begun) / count;
  };
  const one = async (): Promise<number> => {
    await delay(pauseMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    acted = resolve;
    const begun = performance.now();
    bench.emit('act', data);
    await promise;
    const tookMs = performance.now() - begun;
    acted = undefined;
    return tookMs;
  };
  try {
    await bench.host.activate({ revision: 1, dir: tree.dir, config: fedFromMemory(tree.config) });
    await many(WARM_UP);
    for (const each of [other, away]) await each.run({ runs: WARM_UP, pauseMs: 0 });
    // Everything that this process started, but for the other two.
    const appCpuMs = (): number =>
      cpuTimeMs(process.pid) -
      cpuTimeMs(other.pid) -
      cpuTimeMs(away.pid) -
      process.cpuUsage().user / 1000 -
      process.cpuUsage().system / 1000;
    const cpu = { bare: 0, app: 0, daemon: 0 };
    const [eventMs, bareMs]: [number[], number[]] = [[], []];
    const [ratios, fedRatios, toFed]: [number[], number[], number[]] = [[], [], []];
    const [added, fedAdded, beyond]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round += 1) {
      const bareCpu = cpuTimeMs(other.pid);
      const before = mean(await other.run({ runs: events, pauseMs: 0 }));
      const [appCpu, daemonCpu] = [appCpuMs(), process.cpuUsage()];
      const took = await many(events);
      const { user, system } = process.cpuUsage(daemonCpu);
      cpu.daemon += (user + system) / 1000;
      cpu.app += appCpuMs() - appCpu;
      const after = mean(await other.run({ runs: events, pauseMs: 0 }));
      cpu.bare += (cpuTimeMs(other.pid) - bareCpu) / 2;
      eventMs.push(took);
      bareMs.push((before + after) / 2);
      ratios.push((before + after) / 2 / took);
      const fedMs = mean(await away.run({ runs: events, pauseMs: 0 }));
      fedRatios.push((before + after) / 2 / fedMs);
      toFed.push(fedMs / took);
      const alone = await other.run({ runs: single, pauseMs });
      const middle = quantile(alone, 0.5);
      beyond.push(...alone.map((ms) => ms - middle));
      for (let i = 0; i < single; i += 1) added.push((await one()) - middle);
      fedAdded.push(...(await away.run({ runs: single, pauseMs })).map((ms) => ms - middle));
    }
    return {
      throughputToBareInTwoProcesses: quantile(toFed, 0.5),
      throughputToBareInOneProcess: quantile(ratios, 0.5),
      bareInTwoToBareInOneProcess: quantile(fedRatios, 0.5),
      bareRunMs: quantile(bareMs, 0.5),
      eventMs: quantile(eventMs, 0.5),
      throughputByCpu: cpu.bare / cpu.app,
      daemonCpuMs: cpu.daemon / (rounds * events),
      addedP50Ms: quantile(added, 0.5),
      addedP99Ms: quantile(added, 0.99),
      fedAddedP50Ms: quantile(fedAdded, 0.5),
      fedAddedP99Ms: quantile(fedAdded, 0.99),
      bareP99Ms: quantile(beyond, 0.99),
    };
  } finally {
    for (const each of [other, away]) each.stop();
    await bench.host.stop();
    await tree.remove();
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
