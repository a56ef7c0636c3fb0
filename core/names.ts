import { z } from 'zod';
import { MAX_NAME_CHARS } from './limits.ts';
import { isDigest } from './digest.ts';

/** Small schemas that many formats share. They stay inside core: other rooms use the `parseX` functions. */

export const nameSchema = z
  .string()
  .max(MAX_NAME_CHARS)
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, 'must be lower-case letters and digits, joined by . _ or -');

export const versionSchema = z
  .string()
  .max(64)
  .regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/, 'must be a version such as 1.0.0');

export const digestSchema = z.custom<`sha256:${string}`>(
  isDigest,
  'must be sha256: and 64 hexadecimal digits',
);

/** A path inside a package: relative, forward slashes, no `.` or `..` parts. */
export const innerPathSchema = z
  .string()
  .max(300)
  .regex(
    /^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9@._+/ -]+$/,
    'must be a relative path inside the package',
  );

/** Orders versions as semantic versioning does (https://semver.org, section 11). */
export function compareVersions(a: string, b: string): number {
  const [coreA = '', preA] = splitVersion(a);
  const [coreB = '', preB] = splitVersion(b);
  const byCore = compareParts(coreA.split('.'), coreB.split('.'));
  if (byCore !== 0 || preA === preB) return byCore;
  if (preA === undefined) return 1;
  if (preB === undefined) return -1;
  return compareParts(preA.split('.'), preB.split('.'));
}

function splitVersion(version: string): [string, string | undefined] {
  const dash = version.indexOf('-');
  return dash === -1 ? [version, undefined] : [version.slice(0, dash), version.slice(dash + 1)];
}

function compareParts(a: string[], b: string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined) return -1;
    if (right === undefined) return 1;
    if (left === right) continue;
    const [numeric, other] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (numeric && other) return Number(left) - Number(right);
    if (numeric !== other) return numeric ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
