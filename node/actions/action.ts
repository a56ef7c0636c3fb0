import type { ActionPayload } from '../../inference/index.ts';

/** One action on its way to its target. */
export interface ActionRecord {
  /** The same for every try, so that a target can tell a repetition. */
  key: string;
  /** The app's own name of the action. */
  action: string;
  deployment: string;
  /** Id of the event that led to it. */
  event: string;
  /** Milliseconds since 1970. */
  at: number;
  payload: ActionPayload;
}

/** Where actions lead outside the node. */
export interface ActionTarget {
  /**
   * Brings one action there.
   *
   * @throws {ActionRefusedError} when trying again is of no use; anything else is tried again
   */
  deliver(record: ActionRecord, options: { signal: AbortSignal }): Promise<void>;
  stop(): Promise<void>;
}

/** An action as JSON, the attachment in base64. */
export function actionJson(record: ActionRecord): string {
  const { key, action, deployment, event, at, payload } = record;
  const { message, details, attachment } = payload;
  return JSON.stringify({
    id: key,
    action,
    deployment,
    event,
    at,
    message,
    ...(details === undefined ? {} : { details }),
    ...(attachment === undefined
      ? {}
      : {
          attachment: {
            contentType: attachment.contentType,
            data: Buffer.from(attachment.data).toString('base64'),
          },
        }),
  });
}
