import { readFileSync } from 'node:fs';

/** The version of floormesh that this module belongs to, from the nearest package.json above it. */
export function ownVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version }: { name?: unknown; version?: unknown } = JSON.parse(
        readFileSync(new URL(up, import.meta.url), 'utf8'),
      );
      if (name === 'floormesh' && typeof version === 'string') return version;
    } catch {
      // In a source checkout it stands two folders up, in a built package three.
    }
  }
  return '0.0.0';
}
