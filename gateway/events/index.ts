/** What happened on site. In: nodes' events, each until it is acknowledged. Out: a bounded log and live events. */
export { EventLog } from './event-log.ts';
