import type { Candidate, RebuildReport } from '../../core/index.ts';

/** What happens in a rebuild, in this order for each candidate; for whoever waits and watches. */
export type RebuildEvent = { model: string; hardwareClass: string } & RebuildStep;

export type RebuildStep =
  | { type: 'planned'; candidates: string[] }
  /** Built, or not for the reason that the candidate has; `reused` where that was known before. */
  | { type: 'built'; candidate: Candidate; reused: boolean }
  /** Held against the original on the gateway: accuracy, and the speed there. */
  | { type: 'judged'; candidate: Candidate }
  /** Measured, or predicted, as a class's machine runs it. */
  | { type: 'measured'; candidate: Candidate; by: string }
  | { type: 'chosen'; report: RebuildReport };

export type RebuildListener = (event: RebuildEvent) => void;
