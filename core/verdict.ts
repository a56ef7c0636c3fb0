import type { ChoiceRules } from './choose.ts';
import type { Candidate, Measurement } from './rebuild.ts';
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

/**
 * Why a candidate that could have been chosen was not. Pure.
 *
 * @param tied whether it serves the objective as well as the winner does
 */
export function passedVerdict(
  candidate: Candidate,
  winner: Candidate,
  original: Candidate,
  { objective, tied }: { objective: ChoiceRules['objective']; tied: boolean },
): string {
  const { measurement, build } = candidate;
  const noLarger = winner.build?.size === build?.size ? 'is set more simply or no slower' : 'is smaller';
  if (objective === 'size') return `not chosen: ${winner.name} ${tied ? noLarger : 'is smaller'}`;
  if (measurement === undefined) return 'not chosen: it was not measured';
  if (tied) return `not chosen: ${winner.name} has the same ${objective} within noise, and ${noLarger}`;
  if (objective === 'memory')
    return `not chosen: ${winner.name} needs ${mib(winner)}, this ${mib(candidate)}`;
  const [time, its] = [timeAgainst(original, candidate), timeAgainst(original, winner)];
  if (time !== undefined && time.low > 1)
    return `not chosen: it takes ${times(time.median)} the original's time`;
  if (objective === 'throughput' && winner.measurement !== undefined)
    return `not chosen: ${winner.name} does ${perSecond(winner.measurement)}, this ${perSecond(measurement)}`;
  if (time === undefined || its === undefined)
    return `not chosen: ${winner.name} has the better ${objective}`;
  if (winner.name === original.name) return `not chosen: ${unsure(time)}`;
  return `not chosen: ${winner.name} takes ${times(its.median)} the original's time, this ${times(time.median)}`;
}

/** Why a time that looks better is none. */
function unsure({ low, median, high }: NonNullable<ReturnType<typeof timeAgainst>>): string {
  const range = `${low.toFixed(2)} to ${high.toFixed(2)}`;
  return `it is not surely faster: ${times(median)} the original's time, in a range of ${range}`;
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

function times(value: number): string {
  return `${value.toFixed(2)} times`;
}

function perSecond({ throughput }: Measurement): string {
  return `${throughput.toPrecision(3)} runs a second`;
}

function mib({ measurement }: Candidate): string {
  return measurement === undefined ? 'an unknown amount' : `${measurement.peakMemoryMiB.toFixed(0)} MiB`;
}
