/** What a monitoring system asks a gateway for. In: what the gateway says of its site. Out: Prometheus' text. */
export { SiteMetrics } from './site-metrics.ts';
