import { isRecord } from '../channel/messages.ts';

const MAX_SAID_CHARS = 1000;

/** An app's log line as text that any channel carries, whatever its code put into the details. */
export function logLine(
  message: string,
  details: Record<string, unknown> | undefined,
  eventId: string,
): Record<string, string> {
  return { message: cut(message), details: cut(details === undefined ? '' : textOf(details)), eventId };
}

/** The same line on the daemon's side, where nothing about it is certain. */
export function saidBy(params: unknown): Record<string, string> {
  const { message, details, eventId } = isRecord(params) ? params : {};
  return { said: cut(message), details: cut(details), eventId: cut(eventId) };
}

function textOf(details: object): string {
  try {
    return JSON.stringify(details);
  } catch {
    return String(details);
  }
}

function cut(value: unknown): string {
  return String(value).slice(0, MAX_SAID_CHARS);
}
