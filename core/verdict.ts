import type { ChoiceRules } from './choose.ts';
import type { Candidate } from './rebuild.ts';
import { timeAgainst } from './relative-time.ts';

/** Why the winner won, in one sentence with its figures. Pure. */
export function chosenVerdict(winner: Candidate, original: Candidate, { objective }: ChoiceRules): string {
  if (winner.name === original.name) return `chosen: ${originalVerdict(objective)}`;
  const parts = {
    latency: [timeText(winner, original), sizeText(winner, original)],
    throughput: [throughputText(winner, original), sizeText(winner, original)],
    size: [`the smallest, ${sizeText(winner, original) ?? ''}`, timeText(winner, original)],
    memory: [memoryText(winner, original), timeText(winner, original)],
  }[objective].filter((part) => part !== undefined);
  return `chosen: best ${objective} within the accuracy floor${parts.length === 0 ? '' : `: ${parts.join('; ')}`}`;
}

/** Why a candidate that could have been chosen was not. Pure. */
export function passedVerdict(
  candidate: Candidate,
  winner: Candidate,
  original: Candidate,
  { objective }: ChoiceRules,
): string {
  const { measurement } = candidate;
  if (objective === 'size')
    return `not chosen: ${winner.name} is ${same(candidate, winner) ? 'as small' : 'smaller'}`;
  if (measurement === undefined) return 'not chosen: it was not measured';
  if (objective === 'memory')
    return `not chosen: ${winner.name} needs ${mib(winner)}, this ${mib(candidate)}`;
  const time = timeAgainst(original, candidate);
  if (time !== undefined && time.low > 1)
    return `not chosen: it takes ${times(time.median)} the original's time`;
  const own = timeAgainst(original, winner);
  if (time !== undefined && own !== undefined && time.median <= own.median)
    return `not chosen: ${winner.name} has the same ${objective} within noise, and is ${same(candidate, winner) ? 'set more simply' : 'smaller'}`;
  return `not chosen: ${winner.name} has the better ${objective}${figures(winner, candidate, objective)}`;
}

function originalVerdict(objective: ChoiceRules['objective']): string {
  const better = {
    latency: 'is faster beyond noise',
    throughput: 'does more runs in the same time beyond noise',
    size: 'is smaller',
    memory: 'needs less memory',
  }[objective];
  return `nothing else within the accuracy floor ${better}`;
}

function timeText(candidate: Candidate, original: Candidate): string | undefined {
  const time = timeAgainst(original, candidate);
  if (time === undefined) return undefined;
  if (time.high < 1) return `${times(1 / time.median)} as fast as the original`;
  return time.low > 1
    ? `at ${times(time.median)} the original's time`
    : 'as fast as the original within noise';
}

function throughputText(candidate: Candidate, original: Candidate): string | undefined {
  const [own, its] = [candidate.measurement?.throughput, original.measurement?.throughput];
  return own === undefined || its === undefined
    ? undefined
    : `${own.toPrecision(3)} runs a second instead of ${its.toPrecision(3)}`;
}

function sizeText(candidate: Candidate, original: Candidate): string | undefined {
  const [own, its] = [candidate.build?.size, original.build?.size];
  if (own === undefined || its === undefined || its === 0) return undefined;
  return `${((own / its) * 100).toFixed(0)} % of the original's size`;
}

function memoryText(candidate: Candidate, original: Candidate): string {
  return `${mib(candidate)} instead of ${mib(original)}`;
}

function figures(winner: Candidate, candidate: Candidate, objective: ChoiceRules['objective']): string {
  const [a, b] = [winner.measurement, candidate.measurement];
  if (a === undefined || b === undefined) return '';
  return objective === 'throughput'
    ? ` (${a.throughput.toPrecision(3)} runs a second, this ${b.throughput.toPrecision(3)})`
    : ` (${ms(a.p50Ms)}, this ${ms(b.p50Ms)})`;
}

function same(a: Candidate, b: Candidate): boolean {
  return a.build?.size === b.build?.size;
}

function times(value: number): string {
  return `${value.toFixed(2)} times`;
}

function ms(value: number): string {
  return `${value.toPrecision(3)} ms`;
}

function mib({ measurement }: Candidate): string {
  return measurement === undefined ? 'an unknown amount' : `${measurement.peakMemoryMiB.toFixed(0)} MiB`;
}
