import { MessageTooLargeError } from '../core/index.ts';

/** One message of a stream of server-sent events. */
export interface ServerEvent {
  id: string;
  event: string;
  data: unknown;
}

const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/**
 * Reads server-sent events (WHATWG HTML, section 9.2.6), as far as the gateway uses them: one line of JSON as data.
 *
 * @throws {MessageTooLargeError} when one of them does not end
 */
export async function* serverEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    if (text.length > MAX_EVENT_CHARS) throw new MessageTooLargeError('an event of the stream does not end');
    for (const block of blocks) {
      const message = parseBlock(block);
      if (message !== undefined) yield message;
    }
  }
}

function parseBlock(block: string): ServerEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { id: fields.get('id') ?? '', event: fields.get('event') ?? 'message', data: JSON.parse(data) };
}
