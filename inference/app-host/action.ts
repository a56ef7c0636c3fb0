import { InvalidInputError } from '../../core/index.ts';
import type { ActionPayload } from '../app/define.ts';
import { isRecord } from '../channel/messages.ts';

const MAX_NAME_CHARS = 50;
const MAX_MESSAGE_CHARS = 2000;
const MAX_DETAILS_CHARS = 64 * 1024;
const MAX_ATTACHMENT_BYTES = 16 * 1024 * 1024;
const MAX_CONTENT_TYPE_CHARS = 100;

/** What an app asks for while it handles an event. */
export interface Action {
  name: string;
  eventId: string;
  payload: ActionPayload;
}

/** @throws {InvalidInputError} naming the field: it comes from the app's code */
export function parseAction(value: unknown): Action {
  if (!isRecord(value) || !isRecord(value['payload']))
    throw new InvalidInputError('action: it must be a map');
  const { name, eventId, payload } = value;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARS)
    throw new InvalidInputError(`action: name must be text of 1 to ${MAX_NAME_CHARS} characters`);
  if (typeof eventId !== 'string') throw new InvalidInputError('action: eventId must be text');
  const { message, details, attachment } = payload;
  if (typeof message !== 'string' || message.length > MAX_MESSAGE_CHARS)
    throw new InvalidInputError(`action: message must be text of at most ${MAX_MESSAGE_CHARS} characters`);
  return {
    name,
    eventId,
    payload: {
      message,
      ...(details === undefined ? {} : { details: parseDetails(details) }),
      ...(attachment === undefined ? {} : { attachment: parseAttachment(attachment) }),
    },
  };
}

function parseDetails(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new InvalidInputError('action: details must be a map');
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new InvalidInputError('action: details must be plain JSON', { cause });
  }
  if (text.length > MAX_DETAILS_CHARS) throw new InvalidInputError('action: details are too large');
  return JSON.parse(text) as Record<string, unknown>;
}

function parseAttachment(value: unknown): NonNullable<ActionPayload['attachment']> {
  const { contentType, data } = isRecord(value) ? value : {};
  if (typeof contentType !== 'string' || contentType.length > MAX_CONTENT_TYPE_CHARS)
    throw new InvalidInputError('action: attachment.contentType must be text');
  if (!(data instanceof Uint8Array) || data.byteLength > MAX_ATTACHMENT_BYTES)
    throw new InvalidInputError(`action: attachment.data must be at most ${MAX_ATTACHMENT_BYTES} bytes`);
  return { contentType, data };
}
