import type { ModelCard, Packing, Sample, Tensors } from '../../core/index.ts';

/** A model as its publisher would give it, and data that nobody saw while it was rebuilt. */
export interface CaseModel {
  /** What the card says beyond its defaults. */
  card: Omit<Partial<ModelCard>, 'weights' | 'calibration' | 'validation' | 'files'>;
  weights: Uint8Array;
  calibration: Sample[];
  validation: Sample[];
  /** Data to report accuracy on: neither calibration nor validation data. */
  heldOut: Sample[];
  /** How inputs may be packed in sample sets, by their names. */
  packing?: Record<string, Packing>;
}

/** What the chosen build must reach. Shares are of the original's. */
export interface Targets {
  latency?: number;
  size?: number;
  /** The largest loss of the metric on held-out data, of 1. */
  drop?: number;
  /** Memory of the rebuild, all of its processes together. */
  memoryMiB?: number;
  /** The whole rebuild with all candidates. */
  seconds?: number;
}

/** One model of the benchmark. */
export interface RebuildCase {
  name: string;
  targets: Targets;
  make(): Promise<CaseModel>;
  /**
   * What no metric of single samples says: whether the same labels are read, or the same speech heard.
   *
   * @param original weights @param build weights
   */
  endToEnd?(original: Uint8Array, build: Uint8Array): Promise<EndToEnd>;
}

export interface EndToEnd {
  met: boolean;
  /** For people. */
  says: string;
}

/** A model that is loaded. */
export interface OpenModel {
  run(inputs: Tensors): Promise<Tensors>;
  close(): Promise<void>;
}
