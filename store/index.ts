/**
 * Content-addressed blobs on disk and state in level. Every crash-safe write of floormesh is made here. In: bytes with
 * their digest, small records. Out: the same, whole or not at all.
 */
export type { BlobStore, PartialBlob } from './blob-store.ts';
