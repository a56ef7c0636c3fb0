import type { ModelCard } from '../../core/index.ts';
import type { Settings, Tensors } from '../../core/index.ts';

/** Something that happened: a picture was taken, a second of sound was heard, a message came. */
export interface AppEvent {
  /** Unique on this node. An event is handled once, also across restarts and updates. */
  id: string;
  /** The handler that it is for: `picture`, `sound`, `message`. */
  kind: string;
  /** The source that it came from, as the deployment names it. */
  source: string;
  /** What the source calls it: a file's name, an MQTT topic. */
  name: string;
  /** When it happened, milliseconds since 1970 by this node's clock. */
  at: number;
  data: Uint8Array;
}

/** A model as the app sees it. */
export interface AppModel {
  card: ModelCard;
  /** A file that came beside the weights, by its name in the card's `files`. */
  file(name: string): Promise<Uint8Array>;
}

/** What an app may do while it handles an event. */
export interface AppContext {
  readonly settings: Readonly<Settings>;
  /** The event's deadline. */
  readonly signal: AbortSignal;
  /** @throws {InvalidInputError} when the app has no such model */
  model(name: string): AppModel;
  /** Runs a model on this node. @throws {InvalidInputError} for no such model; InferenceError for wrong inputs */
  infer(model: string, inputs: Tensors): Promise<Tensors>;
  /** Asks for an action: `alarm`, `publish`, … The node carries it out where the deployment leads it. */
  act(name: string, payload: ActionPayload): Promise<void>;
  log(message: string, details?: Record<string, unknown>): void;
}

/** What an action carries: plain JSON, and the picture or sound that it is about. */
export interface ActionPayload {
  message: string;
  details?: Record<string, unknown>;
  attachment?: { contentType: string; data: Uint8Array };
}

/** Handles one event. What it returns (plain JSON) is the event's result. */
export type Handler = (event: AppEvent, context: AppContext) => Promise<unknown>;

export interface AppDefinition {
  /** Runs once, before the first event, when the models are loaded. */
  setup?: (context: Omit<AppContext, 'act'>) => Promise<void>;
  /** One handler for each kind of event that the manifest names. */
  on: Record<string, Handler>;
}

/** Declares an app. The module's default export is what this returns. */
export function defineApp(definition: AppDefinition): AppDefinition {
  return definition;
}
