import { errorRecord, type SiteEvent } from '../../core/index.ts';
import { ATTACHMENT_BYTES, RESULT_BYTES } from '../constants.ts';

/** A site event before it has its number and its time. */
export type NewEvent = Omit<SiteEvent, 'sequence' | 'at'>;

/**
 * Makes an event fit the bounds that the gateway checks it against. One that does not fit would be refused for ever, and
 * everything behind it would wait.
 */
export function fitEvent(event: NewEvent): NewEvent {
  const { attachment, details, ...rest } = event;
  const tooLarge = attachment !== undefined && attachment.data.byteLength > ATTACHMENT_BYTES;
  const kept = boundDetails(details);
  const note = tooLarge ? { attachmentLeftOut: `${attachment.data.byteLength} bytes` } : {};
  return {
    ...rest,
    deployment: rest.deployment.slice(0, 100),
    subject: rest.subject.slice(0, 300),
    message: rest.message.slice(0, 2000),
    ...(kept === undefined && !tooLarge ? {} : { details: { ...kept, ...note } }),
    ...(attachment === undefined || tooLarge
      ? {}
      : { attachment: { contentType: attachment.contentType.slice(0, 100), data: attachment.data } }),
  };
}

/** Details as plain JSON within bounds, or a note that they were too large. */
function boundDetails(details: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  if (details === undefined) return undefined;
  let json: string;
  try {
    json = JSON.stringify(details);
  } catch (error) {
    return { detailsLeftOut: errorRecord(error).message };
  }
  if (json.length > RESULT_BYTES) return { detailsLeftOut: `${json.length} characters` };
  const plain: Record<string, unknown> = JSON.parse(json);
  return Object.fromEntries(Object.entries(plain).map(([key, value]) => [key.slice(0, 100), value]));
}
