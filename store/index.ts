/**
 * Content-addressed blobs on disk and state in level. Every crash-safe write of floormesh is made here. In: bytes with
 * their digest, small records. Out: the same, whole or not at all.
 */
export type { BlobStore, ListedBlob, PartialBlob } from './blob-store.ts';
export { ensureDir, readFileBounded, readJsonFile, writeFileAtomic } from './durable.ts';
export { decodeInto } from './encoding/decode.ts';
export { encodeBlob, type Encoding } from './encoding/encode.ts';
export {
  BlobCorruptError,
  BlobNotFoundError,
  DiskFullError,
  StoreLockedError,
  systemCode,
} from './errors.ts';
export { type BlobStoreOptions, openBlobStore } from './file-blob-store.ts';
export { digestOfFile } from './file-digest.ts';
export { type Layout, openLayout } from './layout.ts';
export { openState } from './level-state.ts';
export { holdLock, isLockHeld } from './lock.ts';
export { memoryBlobStore } from './memory-blob-store.ts';
export { memoryState } from './memory-state.ts';
export {
  type Amount,
  choosePrunable,
  prune,
  type PruneChoice,
  type PruneOptions,
  pruneBlobs,
} from './prune.ts';
export type { ListOptions, State, Table, TableOperation, WriteOptions } from './state.ts';
export {
  activateTree,
  activeTree,
  beginTree,
  deactivateTree,
  finishTree,
  installTree,
  listTrees,
  removeTree,
  type TreeFile,
} from './tree.ts';
