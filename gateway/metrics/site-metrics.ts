import type { SiteEvent } from '../../core/index.ts';
import type { Gateway } from '../gateway.ts';
import { type Exposition, exposition } from './exposition.ts';
import { nodeFamilies } from './nodes.ts';
import { processFamilies } from './process.ts';
import { counted, siteFamilies } from './site.ts';

/** Open alarms that are counted at most. */
const MAX_OPEN_ALARMS = 1000;

/** A site's metrics, gathered when they are asked for. Nothing is counted before the first time. */
export class SiteMetrics {
  readonly #gateway: Gateway;
  readonly #events = new Map<SiteEvent['type'], number>();
  #ends: (() => void)[] = [];
  /** Open alarms by deployment; undefined when they must be counted anew, which reads all alarms. */
  #openAlarms: Promise<Map<string, number>> | undefined;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** @param openMetrics whether in OpenMetrics, instead of Prometheus' older text format */
  async read(openMetrics: boolean): Promise<Exposition> {
    this.#follow();
    const [site, nodes, deployments, rollouts, openAlarms] = await Promise.all([
      this.#gateway.site(),
      this.#gateway.nodes(),
      this.#gateway.deployments(),
      this.#gateway.rollouts(),
      this.#open(),
    ]);
    const families = [
      ...siteFamilies({ site, deployments, rollouts, openAlarms, events: this.#events }),
      ...nodeFamilies(nodes),
      ...processFamilies(),
    ];
    return exposition(families, openMetrics);
  }

  #follow(): void {
    if (this.#ends.length > 0) return;
    this.#ends = [
      this.#gateway.onEvent(({ type }) => {
        this.#events.set(type, (this.#events.get(type) ?? 0) + 1);
        if (type === 'alarm') this.#openAlarms = undefined;
      }),
      this.#gateway.onChange((topic) => {
        if (topic === 'alarms') this.#openAlarms = undefined;
      }),
    ];
  }

  #open(): Promise<Map<string, number>> {
    const counts = (this.#openAlarms ??= this.#countOpen());
    counts.catch(() => {
      if (this.#openAlarms === counts) this.#openAlarms = undefined;
    });
    return counts;
  }

  async #countOpen(): Promise<Map<string, number>> {
    const open = await this.#gateway.events({ open: true, limit: MAX_OPEN_ALARMS });
    return counted(open.map(({ deployment }) => deployment));
  }
}
