import type { Storage } from '../compact.ts';
import type { Base } from './base.ts';
import type { Effort } from './effort.ts';
import type { Found } from './search.ts';
import type { Agreement } from './agreement.ts';
import type { Trial } from './trials.ts';

interface Outcome extends Found {
  base: Base;
  /** The best as it is stored in the end, and how. */
  stored: { trial: Trial; storage: Storage | undefined };
  effort: Effort;
  maxDrop: number;
}

const STORED: Record<Storage, string> = {
  half: 'constants that are left in fp32 are stored as float16',
  bytes: 'weights that are left in fp32 are stored in 8 bits, other constants as float16',
};
/** Nodes that are named one by one, and characters of a name: some exporters put the whole path of a module in. */
const NAMED = 8;
const NAME_LENGTH = 100;

/** Says what was chosen and how it compared. */
export function describe({ best, byLimits, base, stored, effort, maxDrop }: Outcome): string[] {
  const { choice } = best;
  const notes = [
    `ranges from ${effort.observed.length} samples, compared on ${effort.judged.length} ${
      effort.judged.some((each) => effort.observed.includes(each)) ? 'of them' : 'others'
    }`,
    `ranges ${choice.limits}; with everything in 8 bits: ${byLimits
      .map((trial) => `${trial.choice.limits} ${short(trial.agreement)}`)
      .join(', ')}`,
  ];
  const helped = [choice.correctBias ? 'bias correction' : '', choice.equalised ? 'equalised channels' : ''];
  const kept = helped.filter((each) => each !== '');
  if (kept.length > 0) notes.push(`better with ${kept.join(' and ')}`);
  const left = base.nodes.filter((name) => choice.leave.has(name));
  if (left.length > 0) {
    const lost = left.reduce((sum, name) => sum + (base.macsByNode.get(name) ?? 0), 0) / base.macs;
    const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
    notes.push(
      `left in fp32, ${percent(lost)} of the multiplications: ${left
        .slice(0, NAMED)
        .map((name) => name.slice(0, NAME_LENGTH))
        .join(', ')}${more}`,
    );
  }
  const { trial, storage } = stored;
  if (storage !== undefined) notes.push(STORED[storage]);
  notes.push(
    `${best.good ? 'within' : 'not within'} the floor of ${maxDrop} on these samples: ${short(trial.agreement)}`,
  );
  return notes;
}

function short({ drop, strained, error }: Agreement): string {
  const strain = strained === drop ? '' : `, ${strained.toFixed(4)} with errors doubled`;
  return `(drop ${drop.toFixed(4)}${strain}, error ${error.toExponential(1)})`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
