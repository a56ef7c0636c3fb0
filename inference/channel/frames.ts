import type { Duplex } from 'node:stream';
import { MAX_CHANNEL_BYTES, MessageTooLargeError } from '../../core/index.ts';

const HEADER_BYTES = 4;

/** Writes one frame: its length as an unsigned 32-bit big-endian number, then the bytes. They are not copied. */
export function writeFrame(stream: Duplex, body: Uint8Array): void {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(body.byteLength);
  stream.cork();
  stream.write(header);
  stream.write(body);
  stream.uncork();
}

/**
 * Cuts a byte stream into frames. Memory grows with what has arrived, not with what a header promises.
 *
 * @throws {MessageTooLargeError} from the returned function, when a header announces more than `maxBytes`
 */
export function frameReader(
  onFrame: (body: Uint8Array) => void,
  maxBytes: number = MAX_CHANNEL_BYTES,
): (bytes: Uint8Array) => void {
  let parts: Uint8Array[] = [];
  let held = 0;
  let wanted = HEADER_BYTES;
  let inHeader = true;
  return (bytes) => {
    let rest = bytes;
    for (;;) {
      const taken = rest.subarray(0, wanted - held);
      if (taken.byteLength > 0) parts.push(taken);
      held += taken.byteLength;
      rest = rest.subarray(taken.byteLength);
      if (held < wanted) return;
      const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, held);
      parts = [];
      held = 0;
      if (inHeader) {
        wanted = Buffer.from(whole.buffer, whole.byteOffset, HEADER_BYTES).readUInt32BE();
        if (wanted > maxBytes)
          throw new MessageTooLargeError(`a message of ${wanted} bytes where ${maxBytes} are allowed`);
      } else {
        wanted = HEADER_BYTES;
        onFrame(whole);
      }
      inHeader = !inHeader;
    }
  };
}
