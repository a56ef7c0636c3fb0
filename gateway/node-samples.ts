import { z } from 'zod';
import { MessageTooLargeError, parseWith } from '../core/index.ts';
import type { Mesh } from '../mesh/index.ts';
import { NODE_CALL_TIMEOUT_MS } from './constants.ts';
import type { RosterNode } from './roster/index.ts';
import type { NodeSample } from './views.ts';

const MAX_SAMPLES = 5000;
/** An app's sample has 16 MiB of data at most, and a little around it. */
const MAX_SAMPLE_BYTES = 20 * 1024 * 1024;

/** Whoever saves a sample makes a folder and a file of these names. */
const plainName = z.string().regex(/^[\w-][\w.-]{0,99}$/, 'must be a plain name');
const size = z.number().int().nonnegative();
const listAnswer = z.object({
  samples: z
    .array(
      z.object({
        deployment: plainName,
        name: plainName,
        bytes: size,
      }),
    )
    .max(MAX_SAMPLES),
});
const pieceAnswer = z.object({ bytes: size, data: z.instanceof(Uint8Array) });

/** What apps of a node keep there to train with, newest first. @throws {PeerUnreachableError} (mesh) */
export async function samplesOf(
  mesh: Pick<Mesh, 'call'>,
  node: RosterNode,
  deployment: string | undefined,
  options: { signal?: AbortSignal },
): Promise<NodeSample[]> {
  const request = deployment === undefined ? {} : { deployment };
  const answer = await mesh.call(node.id, 'samples', request, {
    timeoutMs: NODE_CALL_TIMEOUT_MS,
    ...options,
  });
  return parseWith(listAnswer, answer, 'answer to samples').samples;
}

/**
 * One of them, fetched piece by piece.
 *
 * @throws {PeerUnreachableError} (mesh), {MessageTooLargeError}, and the node's `ERR_SAMPLE_GONE`
 */
export async function sampleOf(
  mesh: Pick<Mesh, 'call'>,
  node: RosterNode,
  { deployment, name }: { deployment: string; name: string },
  options: { signal?: AbortSignal },
): Promise<Uint8Array> {
  let sample: Uint8Array | undefined;
  let filled = 0;
  do {
    const request = { deployment, name, from: filled };
    const answer = await mesh.call(node.id, 'sample', request, {
      timeoutMs: NODE_CALL_TIMEOUT_MS,
      ...options,
    });
    const { bytes, data } = parseWith(pieceAnswer, answer, 'answer to sample');
    if (bytes > MAX_SAMPLE_BYTES)
      throw new MessageTooLargeError(`a sample of ${bytes} bytes where ${MAX_SAMPLE_BYTES} are allowed`);
    sample ??= new Uint8Array(bytes);
    if (data.byteLength === 0 || filled + data.byteLength > sample.byteLength) break;
    sample.set(data, filled);
    filled += data.byteLength;
  } while (filled < sample.byteLength);
  if (filled < sample.byteLength) throw new MessageTooLargeError(`the sample ${name} came in part only`);
  return sample;
}
