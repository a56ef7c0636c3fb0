/** A picture or a sound that was shown to a node, and the truth about it. */
export interface Shown {
  /** Unique name: the file's, or the end of the MQTT topic. */
  name: string;
  node: string;
  deployment: string;
  /** What is written on its labels; for a sound, nothing. */
  labels: string[];
  /** True where the app must raise an alarm. */
  alarm: boolean;
}

/** What a node said of one of them. */
export interface Told {
  name: string;
  node: string;
  deployment: string;
  labels: string[];
}

export interface Tally {
  shown: number;
  /** Shown things with exactly one result. */
  once: number;
  /** Without any result. */
  lost: string[];
  /** With more than one. */
  repeated: string[];
  labels: { shown: number; right: number };
  alarms: { expected: number; raised: number; missed: string[]; false: string[] };
}

/** Holds what was told against what was shown. Pure; results and alarms of other things do not count. */
export function tally(shown: readonly Shown[], results: readonly Told[], alarms: readonly Told[]): Tally {
  const keyOf = (item: { node: string; deployment: string; name: string }): string =>
    `${item.deployment}/${item.node}/${item.name}`;
  const resultsOf = Map.groupBy(results, keyOf);
  const alarmed = new Set(alarms.map(keyOf));
  const count = (of: (item: Shown) => number): number => shown.reduce((sum, item) => sum + of(item), 0);
  const names = (that: (item: Shown) => boolean): string[] => shown.filter(that).map(({ name }) => name);
  const times = (item: Shown): number => resultsOf.get(keyOf(item))?.length ?? 0;
  return {
    shown: shown.length,
    once: count((item) => (times(item) === 1 ? 1 : 0)),
    lost: names((item) => times(item) === 0),
    repeated: names((item) => times(item) > 1),
    labels: {
      shown: count((item) => item.labels.length),
      right: count((item) => rightLabels(item.labels, resultsOf.get(keyOf(item))?.[0]?.labels ?? [])),
    },
    alarms: {
      expected: count((item) => (item.alarm ? 1 : 0)),
      raised: count((item) => (item.alarm && alarmed.has(keyOf(item)) ? 1 : 0)),
      missed: names((item) => item.alarm && !alarmed.has(keyOf(item))),
      false: names((item) => !item.alarm && alarmed.has(keyOf(item))),
    },
  };
}

/** How many of the true labels were read exactly, each reading counted once. */
function rightLabels(truth: readonly string[], read: readonly string[]): number {
  const left = [...read];
  return truth.filter((label) => {
    const at = left.indexOf(label);
    if (at !== -1) left.splice(at, 1);
    return at !== -1;
  }).length;
}
