/** Something that happened, as a source tells it. Its bytes are read when it is its turn. */
export interface SourceEvent {
  /** The same for the same happening, also after a restart, where the source can tell. */
  id: string;
  kind: string;
  source: string;
  name: string;
  /** Milliseconds since 1970. */
  at: number;
  /** Bytes that it holds in memory until it is handled; 0 where `read` fetches them later. */
  heldBytes: number;
  /** Whether the source will tell it again after a restart, so that what became of it must be remembered. */
  replayable: boolean;
  /** @throws when what it was about is gone */
  read(): Promise<Uint8Array>;
}

/** Where a source tells what happened. None of these waits or throws. */
export interface SourceSink {
  emit(event: SourceEvent): void;
  /** What has ids with this beginning is gone and will not be told again. */
  gone(idPrefix: string): void;
  /** Of this source's ids, only these can be told again. */
  present(ids: ReadonlySet<string>): void;
}

/** A camera's folder, a topic, a clock: what gives an app its events. */
export interface Source {
  readonly name: string;
  /** Begins to tell. Comes back when it listens, or tries to. @throws {SourceFailedError} */
  start(sink: SourceSink): Promise<void>;
  /** Tells no more. May be called at any time, more than once. */
  stop(): Promise<void>;
}
