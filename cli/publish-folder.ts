import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Packed } from '../provider-bridge/index.ts';
import { openBlobStore } from '../store/index.ts';
import { type KeyPair, loadKeyPair } from '../trust/index.ts';
import { type Client, openClient } from './client.ts';
import { FILES } from './compose/files.ts';
import { type CliContext, UsageError } from './context.ts';
import { formatBytes, formatMs } from './format.ts';
import type { GatewayOptions } from './verb.ts';

/** Where something is published, and who signs it. */
export interface PublishOptions extends GatewayOptions {
  key?: string;
  bridge?: string;
}

const PUBLISH_TIMEOUT_MS = 250_000;

/**
 * Packs, signs and publishes the folder of an app or a model: straight into a bridge's catalog, or through a gateway.
 *
 * @throws {UsageError} when nobody signs it; what the packers and the catalog throw
 */
export async function publishFolder(
  dir: string,
  options: PublishOptions,
  context: CliContext,
): Promise<Packed> {
  const keyFile = keyFileOf(options, context);
  const { packFolder, publishInto } = await import('./publish.ts');
  return options.bridge === undefined
    ? publishThrough(await openClient(options, context), dir, await loadKeyPair(keyFile), context)
    : publishInto(options.bridge, keyFile, (blobs, { previous }) =>
        packFolder(dir, blobs, { signal: context.signal, previous }),
      );
}

function keyFileOf({ key, bridge }: PublishOptions, { env }: CliContext): string {
  const named = key ?? env.FLOORMESH_PUBLISHER_KEY;
  if (named !== undefined && named !== '') return named;
  const beside = join(bridge ?? '.', FILES.publisher);
  if (existsSync(beside)) return beside;
  const missing = bridge === undefined ? '' : `${bridge} has no ${FILES.publisher}; `;
  throw new UsageError(`${missing}a publication must be signed: name the publisher’s key with --key FILE`, {
    hint: 'floormesh init bridge makes a publisher.key; a gateway takes releases of the keys that its configuration lists.',
  });
}

/** Hands the content to the gateway, and the signed release after it; the gateway passes both on to the bridge. */
async function publishThrough(
  client: Client,
  dir: string,
  keyPair: KeyPair,
  context: CliContext,
): Promise<Packed> {
  const { packFolder, signPacked } = await import('./publish.ts');
  const { previousAtGateway } = await import('./previous-at-gateway.ts');
  const scratch = await mkdtemp(join(tmpdir(), 'floormesh-pack-'));
  try {
    const blobs = await openBlobStore(scratch);
    const previous = previousAtGateway(client, blobs);
    const packed = await packFolder(dir, blobs, { signal: context.signal, previous });
    for await (const { digest, size } of blobs.list()) {
      if (await client.hasBlob(digest)) continue;
      const began = Date.now();
      await client.putBlob(digest, await blobs.path(digest));
      if (context.isTty) context.err.write(`sent ${formatBytes(size)} in ${formatMs(Date.now() - began)}\n`);
    }
    await client.post('catalog', signPacked(packed, keyPair), { timeoutMs: PUBLISH_TIMEOUT_MS });
    return packed;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
