import { counter, type Family, gauge } from './family.ts';

const MICROSECONDS = 1e6;

/** What the gateway's own process uses, by the names that Prometheus' clients give it. */
export function processFamilies(): Family[] {
  const { user, system } = process.cpuUsage();
  return [
    counter('process_cpu_seconds_total', 'CPU time of the gateway, without the processes that build.', [
      { value: (user + system) / MICROSECONDS },
    ]),
    gauge('process_resident_memory_bytes', 'Resident memory of the gateway.', [
      { value: process.memoryUsage.rss() },
    ]),
  ];
}
