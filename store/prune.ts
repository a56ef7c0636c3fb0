import type { Digest, Logger } from '../core/index.ts';
import type { BlobStore } from './blob-store.ts';
import { DiskFullError } from './errors.ts';

/** Some blobs, and the bytes that they take here. */
export interface Amount {
  blobs: number;
  bytes: number;
}

export interface PruneOptions {
  /** What stays, whatever else is said. */
  kept: ReadonlySet<Digest>;
  /** What is known to be of no more use, with what there is of it unfinished. */
  dropped?: ReadonlySet<Digest>;
  /** All else goes when it was neither put here nor used as a file for so long: somebody may be bringing it. */
  unusedForMs: number;
  /** Of what might go, so many bytes stay: what was used last. None unless said. */
  keepBytes?: number;
  now: number;
  signal: AbortSignal;
}

/** What is to become of the blobs of a store. */
export interface PruneChoice {
  needed: Amount;
  /** Not needed, but used too lately, or within what may stay. */
  kept: Amount;
  /** Bytes by digest, in the order in which they are to go. */
  gone: Map<Digest, number>;
}

/** Says which blobs nobody needs any more. @throws the signal's reason */
export async function choosePrunable(blobs: BlobStore, options: PruneOptions): Promise<PruneChoice> {
  const { kept, dropped = new Set(), unusedForMs, keepBytes = 0, now, signal } = options;
  const choice: PruneChoice = { needed: nothing(), kept: nothing(), gone: new Map() };
  const candidates: { digest: Digest; size: number; usedAt: number }[] = [];
  for await (const { digest, takes: size } of blobs.list()) {
    signal.throwIfAborted();
    if (kept.has(digest)) {
      add(choice.needed, size);
      continue;
    }
    // It may have gone since it was listed.
    const usedAt = dropped.has(digest) ? -Infinity : await blobs.lastUsed(digest).catch(() => now);
    if (now - usedAt >= unusedForMs) candidates.push({ digest, size, usedAt });
    else add(choice.kept, size);
  }
  const staying = new Set<Digest>();
  for (const { digest, size, usedAt } of candidates.toSorted((a, b) => b.usedAt - a.usedAt)) {
    if (usedAt === -Infinity || choice.kept.bytes + size > keepBytes) break;
    staying.add(digest);
    add(choice.kept, size);
  }
  // In the order of the list, folded ones first: else each would become a file when what it is folded onto goes.
  for (const { digest, size } of candidates) if (!staying.has(digest)) choice.gone.set(digest, size);
  return choice;
}

/**
 * Deletes blobs, one by one: at any moment the store holds what it held but those that are gone. One that others are
 * folded onto which the disk has no room for stays. @throws the signal's reason
 */
export async function prune(
  blobs: BlobStore,
  gone: ReadonlyMap<Digest, number>,
  { signal, log }: { signal: AbortSignal; log?: Logger },
): Promise<Amount> {
  const pruned = nothing();
  for (const [digest, size] of gone) {
    signal.throwIfAborted();
    try {
      await blobs.delete(digest);
      add(pruned, size);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      log?.warn({ digest }, 'a blob stays: there is no room for what is folded onto it');
    }
  }
  return pruned;
}

/** Deletes the blobs that nobody needs any more. @throws the signal's reason */
export async function pruneBlobs(blobs: BlobStore, options: PruneOptions): Promise<Amount> {
  const { kept, dropped = new Set(), signal } = options;
  const { gone } = await choosePrunable(blobs, options);
  const pruned = await prune(blobs, gone, { signal });
  // What is there of unfinished ones.
  for (const digest of dropped) {
    signal.throwIfAborted();
    if (!kept.has(digest) && !gone.has(digest)) await blobs.delete(digest);
  }
  return pruned;
}

function nothing(): Amount {
  return { blobs: 0, bytes: 0 };
}

function add(amount: Amount, bytes: number): void {
  amount.blobs += 1;
  amount.bytes += bytes;
}
