import type { Digest } from '../../core/index.ts';

/** A model as this machine's runtime optimised it for this machine's CPU. Of use here alone. */
export interface FinalCopy {
  path: string;
  digest: Digest;
}

/** What making one came to. Without a copy, why there is none: it would not differ, fail, or be no faster. */
export interface Finalised {
  copy?: { file: string; digest: Digest };
  why?: string;
  /** Opening the package's own model, in milliseconds, and the copy. */
  openMs: number;
  copyOpenMs?: number;
}

/** How an app's process opened a model. */
export interface OpenedModel {
  from: 'package' | 'copy';
  openMs: number;
  /** Why a copy that there was could not be used. */
  problem?: string;
}

/** How a copy is opened: what optimising can do has been done. */
export const COPY_OPTIMIZATION = 'disabled';
