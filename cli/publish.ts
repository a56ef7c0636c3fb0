import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { defineError } from '../core/index.ts';
import {
  openCatalog,
  previousIn,
  packApp,
  packModel,
  type Packed,
  type PackOptions,
  type Publication,
} from '../provider-bridge/index.ts';
import { type BlobStore, openLayout } from '../store/index.ts';
import { type KeyPair, loadKeyPair, signRelease } from '../trust/index.ts';
import { FILES } from './compose/files.ts';

export const NothingToPublishError = defineError(
  'NothingToPublishError',
  'ERR_NOTHING_TO_PUBLISH',
  'A folder holds neither an app nor a model.',
  'An app’s folder has an app.yaml, a model’s a model.yaml; see docs/apps.md and docs/adding-a-model.md.',
);

/** Packs an app's or a model's folder into a blob store. @throws {NothingToPublishError} and what the packers throw */
export async function packFolder(dir: string, blobs: BlobStore, options?: PackOptions): Promise<Packed> {
  if (await exists(join(dir, 'model.yaml'))) {
    const { withOneFile } = await import('./one-file.ts');
    return withOneFile(options?.signal, (whole) => packModel(dir, blobs, { ...options, ...whole }));
  }
  if (await exists(join(dir, 'app.yaml'))) return packApp(dir, blobs, options);
  throw new NothingToPublishError(
    (await exists(dir)) ? `${dir} has neither a model.yaml nor an app.yaml` : `there is no folder ${dir}`,
  );
}

/** Signs what was packed, so that a catalog takes it. */
export function signPacked({ release, mediaType, size }: Packed, keyPair: KeyPair): Publication {
  const createdAt = new Date().toISOString();
  return { release, signature: signRelease(keyPair, release), mediaType, size, createdAt };
}

/**
 * Packs something straight into a bridge's catalog and signs it; a bridge that runs on that folder tells its gateways.
 *
 * @param bridgeDir the bridge's folder @param keyFile the publisher's key
 */
export async function publishInto(
  bridgeDir: string,
  keyFile: string,
  pack: (blobs: BlobStore, options: Pick<PackOptions, 'previous'>) => Promise<Packed>,
): Promise<Packed> {
  const keyPair = await loadKeyPair(keyFile);
  const layout = await openLayout(join(bridgeDir, FILES.catalog));
  try {
    const catalog = await openCatalog(layout, { publishers: [keyPair.publicKey] });
    const packed = await pack(layout.blobs, { previous: previousIn(catalog, layout.blobs) });
    await catalog.add(signPacked(packed, keyPair));
    return packed;
  } finally {
    await layout.close();
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
