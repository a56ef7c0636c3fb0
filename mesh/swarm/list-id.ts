import { type ChunkList, type Digest, digestOf, encodeChunkList } from '../../core/index.ts';

const ids = new WeakMap<ChunkList, Digest>();

/** The digest of a chunk list's encoding: two peers that have the same one mean the same bytes by an index. */
export function listId(list: ChunkList): Digest {
  let id = ids.get(list);
  if (id === undefined) {
    id = digestOf(encodeChunkList(list));
    ids.set(list, id);
  }
  return id;
}
