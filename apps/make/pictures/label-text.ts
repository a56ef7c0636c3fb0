import type { Random } from '../random.ts';

/** What the labels of one product say, in the order from top to bottom. */
export interface LabelTexts {
  labels: string[];
  /** True when one of them is not as it should be. */
  defect: boolean;
}

const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.whole(0, 9)).join('');
const letter = (random: Random): string => random.pick([...'ABCDEFGHJKLMNPRSTUVWXYZ']);
const twoDigits = (value: number): string => String(value).padStart(2, '0');

const year = (random: Random): number => random.whole(2023, 2027);
const day = (random: Random): string =>
  `${twoDigits(random.whole(1, 28))}/${twoDigits(random.whole(1, 12))}/${twoDigits(random.whole(25, 29))}`;
const volts = (random: Random): string => random.pick(['110V', '230V', '400V']);
const amperes = (random: Random): string => random.pick(['10A', '16A', '25A', '32A', '63A']);

/** Each kind of label, as it should be and as a printer or an operator gets it wrong. */
const KINDS = {
  lot: {
    right: (random: Random) => `LOT ${year(random)}-${letter(random)}${digits(random, 4)}`,
    wrong: (random: Random) =>
      random.pick([
        `LOT ${year(random)}-${letter(random)}${digits(random, 3)}`,
        `LOT ${digits(random, 2)}-${letter(random)}${digits(random, 4)}`,
        `LOT ${year(random)}-${digits(random, 5)}`,
      ]),
  },
  expiry: {
    right: (random: Random) => `EXP ${day(random)}`,
    wrong: (random: Random) =>
      random.pick([`EXP ${day(random).slice(0, 5)}`, `EXP ${day(random)}/${digits(random, 1)}`]),
  },
  rating: {
    right: (random: Random) => `${volts(random)} ${amperes(random)} 50Hz`,
    wrong: (random: Random) =>
      random.pick([`${volts(random)} ${amperes(random)} 60Hz`, `${volts(random)} 50Hz`]),
  },
};

/** Writes one to three labels: always a lot number, then perhaps an expiry date and a rating. */
export function writeLabels(random: Random, defect: boolean): LabelTexts {
  const kinds = [KINDS.lot, KINDS.expiry, KINDS.rating].slice(0, random.whole(1, 3));
  const bad = defect ? random.whole(0, kinds.length - 1) : -1;
  const labels = kinds.map((kind, i) => (i === bad ? kind.wrong(random) : kind.right(random)));
  if (random.chance(0.5)) labels.reverse();
  return { labels, defect };
}

/** One line of any kind, right or wrong, for the recogniser. */
export function writeLine(random: Random): string {
  const kind = random.pick(Object.values(KINDS));
  return random.chance(0.3) ? kind.wrong(random) : kind.right(random);
}
