import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of floormesh itself: this file lies in `cli/` of a checkout, or in `dist/cli/` of an installed package. */
export const PACKAGE_ROOT: string = findRoot(import.meta.dirname);

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from;
  const above = dirname(from);
  if (above === from) throw new TypeError('floormesh has lost its package.json');
  return findRoot(above);
}
