import type { FloormeshError } from '../core/index.ts';
import { NotFoundError } from './errors.ts';
import { nearestNames } from './nearest.ts';

/** "There is no app lable-reader", with the names that could have been meant as its hint. */
export function notFound(what: string, wanted: string, names: readonly string[]): FloormeshError {
  const nearest = nearestNames(wanted, names);
  const known = [...new Set(names)].sort().slice(0, 5);
  const hint =
    nearest.length > 0
      ? `Did you mean ${nearest.join(' or ')}?`
      : known.length > 0
        ? `There are: ${known.join(', ')}.`
        : `There is no ${what} at all yet.`;
  return new NotFoundError(`there is no ${what} ${wanted.slice(0, 100)}`, { hint });
}
