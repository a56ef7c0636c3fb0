import { type CatalogEntry, type CatalogListing, errorRecord, releaseOf } from '../../core/index.ts';
import { verifyRelease } from '../../trust/index.ts';
import type { BridgeStatus } from '../views.ts';

export type Refused = BridgeStatus['refused'];

/** Parts a listing into what a trusted publisher signed and what not. Two releases of one version are one too many. */
export function trustedEntries(
  listing: CatalogListing,
  publishers: readonly string[],
): { entries: CatalogEntry[]; refused: Refused } {
  const entries = new Map<string, CatalogEntry>();
  const refused: Refused = [];
  for (const entry of listing.entries) {
    const { kind, name, version } = entry;
    try {
      verifyRelease(releaseOf(entry), entry.signature, publishers);
      entries.set(`${kind}/${name}:${version}`, entry);
    } catch (error) {
      const { code, message } = errorRecord(error);
      refused.push({ kind, name, version, problem: { code, message } });
    }
  }
  return { entries: [...entries.values()], refused };
}
