import { z } from 'zod';
import { type Digest, isDigest, parseWith } from '../../core/index.ts';

/** What is kept of a node. Its configuration is kept by fingerprint: many nodes may share one. */
export interface NodeRecord {
  /** Peer id. */
  id: string;
  name: string;
  fingerprint: Digest;
  /** Milliseconds since 1970. */
  lastSeen: number;
}

const nodeRecord: z.ZodType<NodeRecord> = z.object({
  id: z.string().max(200),
  name: z.string().max(200),
  fingerprint: z.custom<Digest>(isDigest, 'not a digest'),
  lastSeen: z.number(),
});

/** @throws {InvalidInputError} */
export function parseNodeRecord(value: unknown): NodeRecord {
  return parseWith(nodeRecord, value, 'node record');
}
