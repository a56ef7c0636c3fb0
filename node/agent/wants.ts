import { ANNOTATION, type Descriptor, type Digest, isDigest, MEDIA } from '../../core/index.ts';

/** What the swarm is asked for. */
export interface Want {
  digest: Digest;
  size: number;
  chunks?: Digest;
  chunksSize?: number;
}

/** One want for every blob that the descriptors name, each with its chunk list where there is one. */
export function wantsOf(descriptors: readonly Descriptor[]): Want[] {
  const lists = new Map(
    descriptors
      .filter(({ mediaType }) => mediaType === MEDIA.chunks)
      .map(({ digest, size }) => [digest, size]),
  );
  const wants = new Map<Digest, Want>();
  for (const { digest, size, mediaType, annotations } of descriptors) {
    if (mediaType === MEDIA.chunks) continue;
    const chunks = annotations?.[ANNOTATION.chunks];
    const chunksSize = isDigest(chunks) ? lists.get(chunks) : undefined;
    wants.set(digest, {
      digest,
      size,
      ...(isDigest(chunks) && chunksSize !== undefined ? { chunks, chunksSize } : {}),
    });
  }
  return [...wants.values()];
}
