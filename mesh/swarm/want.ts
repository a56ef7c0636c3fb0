import type { Digest } from '../../core/index.ts';

/** A blob to fetch. */
export interface Want {
  digest: Digest;
  /** Bytes. */
  size: number;
  /** The blob that holds its chunk list. A blob of up to one chunk needs none. */
  chunks?: Digest;
  /** Bytes of the chunk list. Without it `chunks` is not used. */
  chunksSize?: number;
}

export interface TransferProgress {
  digest: Digest;
  /** Bytes of the blob that are here, with those of earlier tries. */
  received: number;
  size: number;
  /** Peers that have something of it. */
  sources: number;
}

export interface TransferStats {
  /** Bytes that came over the network, with those that came twice or were wrong. */
  bytes: number;
  byPeer: Record<string, number>;
}

export interface FetchOptions {
  signal?: AbortSignal;
  /** Peers that have it first, and are spared when another peer has the same. */
  from?: readonly string[];
  /** How long to go without a single new chunk, in milliseconds. 60 s unless said. */
  timeoutMs?: number;
  onProgress?: (progress: TransferProgress) => void;
}
