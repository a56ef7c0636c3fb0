import { readFileSync } from 'node:fs';

/** The package's own version. The file lies one folder up in a checkout, two in an emitted package. */
export const VERSION: string = readVersion();

function readVersion(): string {
  for (const up of ['../package.json', '../../package.json'])
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (name === 'floormesh') return version;
    } catch {
      // The other place has it.
    }
  throw new TypeError('floormesh has lost its package.json');
}
