import { isDeepStrictEqual } from 'node:util';
import { errorRecord, isAbort, type Logger, parseSiteEvents, type SiteEvent } from '../../core/index.ts';
import type { State } from '../../store/index.ts';
import { Backoff } from '../backoff.ts';
import {
  OUTBOX_ALARMS,
  OUTBOX_BATCH,
  OUTBOX_BATCH_BYTES,
  OUTBOX_EVENTS,
  OUTBOX_PICTURES,
  RETRY_DELAY_MAX_MS,
  RETRY_DELAY_MS,
} from '../constants.ts';
import { Wake } from '../wake.ts';
import { DurableQueue } from './durable-queue.ts';
import { Sequence } from './sequence.ts';
import { fitEvent, type NewEvent } from './site-event.ts';

/** What may give way, first to last. Alarms have a bound of their own. */
const EXPENDABLE: readonly SiteEvent['type'][] = ['sample', 'result', 'action', 'notice', 'app', 'install'];
/** What an alarm is known by in the queue: with its picture or sound, or without. */
const ALARMS = ['alarm', 'alarm-with-attachment'];
/** Answers to an event that say that it will never be taken. */
const UNACCEPTABLE = ['ERR_INVALID_INPUT', 'ERR_MESSAGE_TOO_LARGE'];

export interface OutboxInit {
  /** Events that it holds at most before others than alarms give way. */
  limit?: number;
  /** Alarms that it holds at most, and those of them that keep their picture or sound. */
  alarms?: number;
  pictures?: number;
}

export interface OutboxComponents {
  state: State;
  log: Logger;
  clock: () => number;
  /** Brings events to the gateway. Comes back with the highest number that it has. */
  send: (events: SiteEvent[], options: { signal: AbortSignal }) => Promise<number>;
}

/** What the node has to tell its gateway. Kept until the gateway has it, in order, numbered for ever. */
export class Outbox {
  readonly #limit: number;
  readonly #alarms: number;
  readonly #pictures: number;
  readonly #components: OutboxComponents;
  readonly #queue: DurableQueue<SiteEvent>;
  readonly #sequence: Sequence;
  readonly #added = new Wake();
  readonly #reachable = new Wake();
  #adding: Promise<unknown> = Promise.resolve();
  #dropped = 0;
  #droppedAlarms = 0;
  #stopping: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(init: OutboxInit, components: OutboxComponents) {
    const { state } = components;
    this.#limit = init.limit ?? OUTBOX_EVENTS;
    this.#alarms = init.alarms ?? OUTBOX_ALARMS;
    this.#pictures = init.pictures ?? OUTBOX_PICTURES;
    this.#components = components;
    const table = state.table('events', (value) => parseSiteEvents([value])[0] as SiteEvent);
    this.#queue = new DurableQueue(table, '', tagOf);
    this.#sequence = new Sequence(state.table('counters', Number));
  }

  /** Events that wait. */
  get size(): number {
    return this.#queue.size;
  }

  async start(): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#stopping = new AbortController();
    await this.#queue.open();
    await this.#sequence.open(this.#queue.last);
    this.#running = this.#deliver(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    if (this.#stopping === undefined) return;
    this.#stopping.abort();
    await this.#running;
    await this.#adding;
    await this.#sequence.close();
    this.#stopping = undefined;
  }

  /** Keeps an event. When this comes back it is on disk, and an alarm survives a power cut too. */
  async add(event: NewEvent): Promise<SiteEvent> {
    // One after the other: two at once could be kept in another order than numbered.
    const added = this.#adding.then(() => this.#append(event));
    this.#adding = added.catch(() => undefined);
    return added;
  }

  /** Whether an event of that kind, subject and details waits. Reads all that do: not for every event. */
  async has({ type, deployment, subject, details }: NewEvent): Promise<boolean> {
    const wanted = { type, deployment, subject, details };
    let last = 0;
    for (;;) {
      const page = await this.#queue.after(last, OUTBOX_BATCH);
      if (page.some(([, event]) => isDeepStrictEqual(aboutOf(event), wanted))) return true;
      const end = page.at(-1)?.[0];
      if (end === undefined) return false;
      last = end;
    }
  }

  /** The gateway is there: no need to wait any longer. */
  wake(): void {
    this.#reachable.raise();
    this.#added.raise();
  }

  async #append(event: NewEvent): Promise<SiteEvent> {
    const sequence = await this.#sequence.take();
    const numbered: SiteEvent = { sequence, at: this.#components.clock(), ...fitEvent(event) };
    await this.#queue.append(sequence, numbered, { sync: event.type === 'alarm' });
    while (this.#queue.size > this.#limit && (await this.#dropOne()));
    while (this.#queue.count(ALARMS) > this.#alarms) await this.#dropAlarm();
    while (this.#queue.count(['alarm-with-attachment']) > this.#pictures) await this.#shedPicture();
    this.#added.raise();
    return numbered;
  }

  async #dropOne(): Promise<boolean> {
    for (const type of EXPENDABLE) {
      const oldest = this.#queue.oldest([type]);
      if (oldest === undefined) continue;
      await this.#queue.remove([oldest]);
      this.#dropped += 1;
      return true;
    }
    return false;
  }

  /** The bound of alarms is far away; but one that is not there would fill the disk. */
  async #dropAlarm(): Promise<void> {
    const oldest = this.#queue.oldest(ALARMS);
    if (oldest === undefined) return;
    await this.#queue.remove([oldest]);
    this.#dropped += 1;
    this.#droppedAlarms += 1;
  }

  async #shedPicture(): Promise<void> {
    const oldest = this.#queue.oldest(['alarm-with-attachment']);
    const event = oldest === undefined ? undefined : await this.#queue.get(oldest);
    if (oldest === undefined || event === undefined) return;
    const { attachment, details, ...rest } = event;
    const note = { attachmentLeftOut: `${attachment?.data.byteLength ?? 0} bytes: too many alarms waited` };
    await this.#queue.replace(oldest, { ...rest, details: { ...details, ...note } }, { sync: true });
  }

  async #deliver(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(RETRY_DELAY_MS, RETRY_DELAY_MAX_MS);
    let most = OUTBOX_BATCH;
    while (!signal.aborted) {
      if (this.#queue.size === 0) {
        await this.#added.wait(signal);
        continue;
      }
      const batch = fitBatch((await this.#queue.first(most)).map(([, event]) => event));
      try {
        const acknowledged = await this.#components.send(batch, { signal });
        const numbers = batch.map((event) => event.sequence).filter((number) => number <= acknowledged);
        await this.#queue.remove(numbers);
        if (numbers.length === 0) throw new TypeError('the gateway acknowledged nothing of what it was sent');
        backoff.reset();
        most = OUTBOX_BATCH;
        await this.#tellDropped();
      } catch (error) {
        if (isAbort(error) && signal.aborted) return;
        const { code, message } = errorRecord(error);
        this.#components.log.debug(
          { code, message, waiting: this.#queue.size },
          'events wait for the gateway',
        );
        if (!UNACCEPTABLE.includes(code)) await backoff.wait(signal, this.#reachable);
        else if (batch.length > 1) most = Math.ceil(batch.length / 2);
        else await this.#giveUp(batch, message);
      }
    }
  }

  /** An event that the gateway will never take must not hold up the others. */
  async #giveUp(batch: readonly SiteEvent[], message: string): Promise<void> {
    this.#components.log.error({ event: batch[0]?.sequence, message }, 'the gateway refuses an event');
    await this.#queue.remove(batch.map((event) => event.sequence));
  }

  async #tellDropped(): Promise<void> {
    if (this.#dropped === 0) return;
    const [dropped, alarms] = [this.#dropped, this.#droppedAlarms];
    [this.#dropped, this.#droppedAlarms] = [0, 0];
    const among = alarms === 0 ? '' : `, ${alarms} alarms among them,`;
    const message = `${dropped} events${among} were dropped while the gateway could not be reached`;
    const details = { dropped, ...(alarms === 0 ? {} : { alarms }) };
    await this.add({ type: 'notice', deployment: '', subject: 'outbox', message, details });
  }
}

/** As many of the first events as fit one message; at least one. */
function fitBatch(events: SiteEvent[]): SiteEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, i) => {
    const details = event.details === undefined ? 0 : JSON.stringify(event.details).length * 2;
    bytes += 4096 + details + (event.attachment?.data.byteLength ?? 0);
    return i > 0 && bytes > OUTBOX_BATCH_BYTES;
  });
  return end === -1 ? events : events.slice(0, end);
}

function aboutOf({ type, deployment, subject, details }: NewEvent): object {
  return { type, deployment, subject, details };
}

function tagOf({ type, attachment }: SiteEvent): string {
  return type === 'alarm' && attachment !== undefined ? 'alarm-with-attachment' : type;
}
