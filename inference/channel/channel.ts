import type { Duplex } from 'node:stream';
import {
  encode,
  errorFromRecord,
  errorRecord,
  FloormeshError,
  MAX_CHANNEL_BYTES,
  MessageTooLargeError,
} from '../../core/index.ts';
import { MAX_REQUESTS_UNDER_WAY, REQUEST_TIMEOUT_MS } from '../constants.ts';
import {
  ChannelBrokenError,
  ChannelBusyError,
  ChannelClosedError,
  DeadlineExceededError,
  MethodUnknownError,
} from '../errors.ts';
import { frameReader, writeFrame } from './frames.ts';
import { type ChannelMessage, parseChannelMessage } from './messages.ts';

/** Answers one method. What it throws reaches the caller with its code. */
export type ChannelHandler = (params: unknown, context: { signal: AbortSignal }) => Promise<unknown>;

export interface RequestOptions {
  signal?: AbortSignal;
  /** Default `REQUEST_TIMEOUT_MS`. */
  timeoutMs?: number;
}

/** Requests, answers and notices between two processes over one duplex stream. Both sides may ask and answer. */
export interface Channel {
  /**
   * Asks the other side. When the signal aborts or the time is over, the other side's handler is told.
   *
   * @throws {DeadlineExceededError} @throws {ChannelClosedError} @throws {ChannelBrokenError} @throws {MessageTooLargeError} or, with the code
   *   that it had there, what the handler threw
   */
  request(method: string, params: unknown, options?: RequestOptions): Promise<unknown>;
  /** Tells the other side something. Not answered. @throws {ChannelClosedError} @throws {MessageTooLargeError} */
  notify(method: string, params: unknown): void;
  handle(method: string, handler: ChannelHandler): () => void;
  onNotice(method: string, listener: (params: unknown) => void): () => void;
  /** Resolves when the channel has closed, with the reason where it was a fault. */
  readonly closed: Promise<Error | undefined>;
  /** Ends the channel: everything under way fails with the reason. */
  close(reason?: Error): void;
}

/** Speaks frames of CBOR over a stream whose two directions belong to this channel alone from now on. */
export function channel(stream: Duplex): Channel {
  return new StreamChannel(stream);
}

/** Where binary data may lie in a message: tensors in a map in a list of cases, and somewhat deeper. */
const MAX_BINARY_DEPTH = 6;

interface Pending {
  settle(outcome: { value: unknown } | { error: Error }): void;
}

class StreamChannel implements Channel {
  readonly closed: Promise<Error | undefined>;
  readonly #stream: Duplex;
  readonly #pending = new Map<number, Pending>();
  readonly #underWay = new Map<number, AbortController>();
  readonly #handlers = new Map<string, ChannelHandler>();
  readonly #listeners = new Map<string, Set<(params: unknown) => void>>();
  readonly #resolveClosed: (reason: Error | undefined) => void;
  #lastId = 0;
  #isClosed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    const read = frameReader((body) => this.#receive(parseChannelMessage(body)));
    stream.on('data', (bytes: Uint8Array) => {
      if (this.#isClosed) return;
      try {
        read(bytes);
      } catch (cause) {
        this.close(new ChannelBrokenError(messageOf(cause), { cause }));
      }
    });
    stream.on('end', () => this.close());
    stream.on('close', () => this.close());
    // A peer that died in the middle of something shows as an error, too.
    stream.on('error', () => this.close());
  }

  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    const { signal, timeoutMs = REQUEST_TIMEOUT_MS } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = (this.#lastId += 1);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const giveUp = (error: Error): void => {
      this.#pending.get(id)?.settle({ error });
      if (!this.#isClosed) this.#send({ kind: 'cancel', id });
    };
    const onAbort = (): void => giveUp(signal?.reason as Error);
    const timer = setTimeout(
      () => giveUp(new DeadlineExceededError(`${method} took longer than ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', onAbort);
    const settle: Pending['settle'] = (outcome) => {
      this.#pending.delete(id);
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      if ('error' in outcome) reject(outcome.error);
      else resolve(outcome.value);
    };
    this.#pending.set(id, { settle });
    try {
      this.#send({ kind: 'request', id, method, params });
    } catch (error) {
      settle({ error: error as Error });
    }
    return promise;
  }

  notify(method: string, params: unknown): void {
    this.#send({ kind: 'notice', method, params });
  }

  handle(method: string, handler: ChannelHandler): () => void {
    if (this.#handlers.has(method)) throw new TypeError(`${method} has a handler already`);
    this.#handlers.set(method, handler);
    return () => this.#handlers.delete(method);
  }

  onNotice(method: string, listener: (params: unknown) => void): () => void {
    const listeners = this.#listeners.get(method) ?? new Set();
    this.#listeners.set(method, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  close(reason?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const error = reason ?? new ChannelClosedError();
    for (const pending of [...this.#pending.values()]) pending.settle({ error });
    for (const controller of this.#underWay.values()) controller.abort(error);
    this.#stream.end();
    // A fault must not wait for a peer that does not read.
    if (reason !== undefined) this.#stream.destroy();
    this.#resolveClosed(reason);
  }

  #receive(message: ChannelMessage): void {
    switch (message.kind) {
      case 'request':
        void this.#answer(message.id, message.method, message.params);
        return;
      case 'result':
        this.#pending.get(message.id)?.settle({ value: message.value });
        return;
      case 'failure':
        this.#pending.get(message.id)?.settle({ error: errorFromRecord(message.error) });
        return;
      case 'cancel':
        this.#underWay.get(message.id)?.abort(new DeadlineExceededError('the caller gave up'));
        return;
      case 'notice':
        for (const listener of this.#listeners.get(message.method) ?? []) listener(message.params);
    }
  }

  async #answer(id: number, method: string, params: unknown): Promise<void> {
    const reply = await this.#resultOf(id, method, params);
    if (this.#isClosed) return;
    try {
      this.#send(reply);
    } catch (error) {
      this.#sendFailure(id, error);
    }
  }

  /** The result was too large, or has no CBOR form: the caller must hear of it all the same. */
  #sendFailure(id: number, error: unknown): void {
    try {
      this.#send({ kind: 'failure', id, error: errorRecord(error) });
    } catch (cause) {
      this.close(new ChannelBrokenError('the other side does not read', { cause }));
    }
  }

  async #resultOf(id: number, method: string, params: unknown): Promise<ChannelMessage> {
    const controller = new AbortController();
    try {
      const handler = this.#handlers.get(method);
      if (handler === undefined) throw new MethodUnknownError(`there is no method ${method}`);
      if (this.#underWay.size >= MAX_REQUESTS_UNDER_WAY) throw new ChannelBusyError();
      this.#underWay.set(id, controller);
      return { kind: 'result', id, value: await handler(params, { signal: controller.signal }) };
    } catch (error) {
      return { kind: 'failure', id, error: errorRecord(error) };
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** Refuses what is too large before anything is written, and what a peer that does not read would pile up. */
  #send(message: ChannelMessage): void {
    if (this.#isClosed) throw new ChannelClosedError();
    // Before it is encoded: that takes the memory a second time, and seconds for what is far too large.
    refuseLarge(binaryBytes(message));
    const body = encodeMessage(message);
    refuseLarge(body.byteLength);
    if (this.#stream.writableLength > MAX_CHANNEL_BYTES) throw new ChannelBusyError();
    writeFrame(this.#stream, body);
  }
}

function refuseLarge(bytes: number): void {
  if (bytes > MAX_CHANNEL_BYTES)
    throw new MessageTooLargeError(`${bytes} bytes where ${MAX_CHANNEL_BYTES} are allowed`);
}

/** Bytes of the pictures and tensors in a message. */
function binaryBytes(value: unknown, depth = 0): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== 'object' || value === null || depth > MAX_BINARY_DEPTH) return 0;
  return Object.values(value).reduce<number>((sum, item) => sum + binaryBytes(item, depth + 1), 0);
}

function messageOf(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.message : undefined;
}

function encodeMessage(message: ChannelMessage): Uint8Array {
  try {
    return encode(message);
  } catch (cause) {
    if (cause instanceof FloormeshError) throw cause;
    throw new TypeError('a channel message must be plain data', { cause });
  }
}
