/** The demo's stages, time and bytes each; the baseline is every model's original on the same node in the same run. */
import { PassThrough } from 'node:stream';
import { demo } from '../cli/demo/demo.ts';
import type { DemoReport, ModelLine } from '../cli/demo/report.ts';
import type { BenchmarkResult } from './run.ts';

export async function run(): Promise<Omit<BenchmarkResult, 'benchmark'>> {
  const context = {
    out: new PassThrough().resume(),
    err: process.stderr,
    env: process.env,
    signal: AbortSignal.timeout(600_000),
    isTty: false,
  };
  const { report } = await demo({ once: true, emulate: false, apiPort: 0, mdns: false, json: true }, context);
  return {
    compares:
      'p50 latency of the chosen builds to the originals, on the nodes that run them (geometric mean)',
    ratio: geometricMean(report.models.map(latencyRatio)),
    details: {
      sizeRatio: geometricMean(report.models.map(sizeRatio)),
      stages: report.stages.map(({ name, ms, bytes }) => ({ name, ms: Math.round(ms), bytes })),
      traffic: report.traffic,
      models: report.models.map(describe),
    },
  };
}

function describe(line: ModelLine): Record<string, unknown> {
  return {
    node: line.node,
    hardwareClass: line.hardwareClass,
    model: line.model,
    recipe: line.chosen.recipe,
    latency: latencyRatio(line),
    size: sizeRatio(line),
  };
}

function latencyRatio({ chosen, original }: DemoReport['models'][number]): number {
  return (chosen.measurement?.p50Ms ?? 1) / (original?.measurement?.p50Ms ?? 1);
}

function sizeRatio({ chosen, original }: DemoReport['models'][number]): number {
  return (chosen.build?.size ?? 1) / (original?.build?.size ?? 1);
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / Math.max(1, values.length));
}
