import type { Candidate } from '../../core/index.ts';
import { formatBytes, formatMs } from '../format.ts';
import { table } from '../table.ts';
import type { Tally } from './tally.ts';

/** One model on one node: what was chosen there, against the original on the same hardware. */
export interface ModelLine {
  node: string;
  hardwareClass: string;
  variant: string;
  model: string;
  /** The node that measured the builds, or the gateway where none could. */
  measuredBy: string;
  original: Candidate | undefined;
  chosen: Candidate;
}

/** Everything that the demo saw. `checks` decide the exit code. */
export interface DemoReport {
  models: ModelLine[];
  tally: Record<string, Tally>;
  instruments: { messages: number; calls: number };
  traffic: { node: string; fromGateway: number; fromPeers: number }[];
  stages: { name: string; ms: number; bytes: number }[];
  checks: { claim: string; holds: boolean; detail: string }[];
}

export function passed(report: DemoReport): boolean {
  return report.checks.every((check) => check.holds);
}

/** The report as people read it. */
export function renderReport(report: DemoReport): string {
  const sections = [
    ['What each node runs, and against what', modelTable(report)],
    ['What was seen and heard', tallyTable(report)],
    ['Content received', trafficTable(report)],
    ['Stages', stageTable(report)],
    [
      'Checks',
      report.checks
        .map((check) => `${check.holds ? 'yes' : 'NO '}  ${check.claim}: ${check.detail}`)
        .join('\n'),
    ],
  ];
  return sections.map(([title, body = '']) => `\n${title}\n${body.trimEnd()}\n`).join('');
}

function modelTable({ models }: DemoReport): string {
  return table(
    [
      'node',
      'hardware class',
      'variant',
      'model',
      'build',
      'size',
      'of original',
      'p50',
      'of original',
      'accuracy',
      'measured by',
    ],
    models.map(({ node, hardwareClass, variant, model, original, chosen, measuredBy }) => [
      node,
      hardwareClass,
      variant,
      model,
      chosen.recipe,
      formatBytes(chosen.build?.size ?? 0),
      ratio(chosen.build?.size, original?.build?.size),
      formatMs(chosen.measurement?.p50Ms ?? 0),
      ratio(chosen.measurement?.p50Ms, original?.measurement?.p50Ms),
      chosen.accuracy === undefined
        ? '-'
        : `${percent(chosen.accuracy.build)} (original ${percent(chosen.accuracy.original)})`,
      measuredBy,
    ]),
  );
}

function tallyTable(report: DemoReport): string {
  return table(
    ['deployment', 'shown', 'handled once', 'labels read right', 'alarms raised', 'false alarms'],
    Object.entries(report.tally).map(([deployment, told]) => [
      deployment,
      String(told.shown),
      String(told.once),
      told.labels.shown === 0 ? '-' : `${told.labels.right} of ${told.labels.shown}`,
      `${told.alarms.raised} of ${told.alarms.expected}`,
      String(told.alarms.false.length),
    ]),
  ).concat(`\n${report.instruments.messages} MQTT messages, ${report.instruments.calls} HTTP calls received`);
}

function trafficTable({ traffic }: DemoReport): string {
  return table(
    ['node', 'from gateway', 'from peers'],
    traffic.map(({ node, fromGateway, fromPeers }) => [
      node,
      formatBytes(fromGateway),
      formatBytes(fromPeers),
    ]),
  );
}

function stageTable({ stages }: DemoReport): string {
  return table(
    ['stage', 'time', 'content moved'],
    stages.map(({ name, ms, bytes }) => [name, formatMs(ms), bytes === 0 ? '-' : formatBytes(bytes)]),
  );
}

function ratio(value: number | undefined, of: number | undefined): string {
  return value === undefined || of === undefined || of === 0 ? '-' : `${(value / of).toFixed(2)}x`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
