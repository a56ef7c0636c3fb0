import type { Family } from './family.ts';

/** Metrics as a scraper reads them. */
export interface Exposition {
  contentType: string;
  text: string;
}

/**
 * Writes families in Prometheus' text format 0.0.4, or in OpenMetrics 1.0.
 *
 * @param openMetrics what the scraper asked for
 */
export async function exposition(families: readonly Family[], openMetrics: boolean): Promise<Exposition> {
  // Loaded when somebody scrapes: most gateways have nobody who does.
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  if (openMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  for (const { name, help, type, samples } of merged(families)) {
    const labelNames = [...new Set(samples.flatMap(({ labels = {} }) => Object.keys(labels)))];
    const init = { name, help, labelNames, registers: [registry] };
    const metric = type === 'counter' ? new Counter(init) : new Gauge(init);
    for (const { labels = {}, value } of samples) metric.inc(labels, value);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** Two rooms may give samples of one metric. Those without any are left out. */
function merged(families: readonly Family[]): Family[] {
  const byName = new Map<string, Family>();
  for (const family of families) {
    const samples = [...(byName.get(family.name)?.samples ?? []), ...family.samples];
    if (samples.length > 0) byName.set(family.name, { ...family, samples });
  }
  return [...byName.values()];
}
