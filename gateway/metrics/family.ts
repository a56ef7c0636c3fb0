/** One metric with all its values, as they are now. */
export interface Family {
  /** As Prometheus names metrics: with its unit, counters with `_total`. */
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  samples: Sample[];
}

export interface Sample {
  labels?: Record<string, string>;
  value: number;
}

export function gauge(name: string, help: string, samples: Sample[]): Family {
  return { name, help, type: 'gauge', samples };
}

export function counter(name: string, help: string, samples: Sample[]): Family {
  return { name, help, type: 'counter', samples };
}

/** One sample for each thing that something may be: 1 for what it is, 0 for the others. */
export function oneOf(
  all: readonly string[],
  current: string,
  label: string,
  labels: Record<string, string>,
): Sample[] {
  return all.map((each) => ({ labels: { ...labels, [label]: each }, value: each === current ? 1 : 0 }));
}
