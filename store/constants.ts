/** How files are read when they are hashed or copied, in bytes. */
export const BLOCK_BYTES = 1024 * 1024;
/** One value in a state table, encoded. */
export const MAX_STATE_VALUE_BYTES = 16 * 1024 * 1024;
/** How long to wait for another process to let go of a folder. */
export const LOCK_TIMEOUT_MS = 10_000;
/** Pause between two tries for a lock: no event tells that a file has gone in every file system. */
export const LOCK_RETRY_MS = 20;
/** Pause between two looks at an index where the system can't watch it. */
export const WATCH_INTERVAL_MS = 2000;
/** Blobs, and files installed from them: nobody writes to them again. */
export const READ_ONLY_MODE = 0o444;
/** How long an unfinished blob is kept for another try. */
export const PARTIAL_KEEP_MS = 7 * 24 * 60 * 60 * 1000;
