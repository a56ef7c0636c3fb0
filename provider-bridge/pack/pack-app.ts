import {
  ANNOTATION,
  canonicalJson,
  type Descriptor,
  type Manifest,
  MEDIA,
  parseAppManifest,
} from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import { PackFailedError } from '../errors.ts';
import { fileIn, folderFiles, readYaml } from './folder.ts';
import { Layers, putManifest, totalSize } from './layers.ts';
import type { Packed, PackOptions } from './packed.ts';

const MANIFEST_FILE = 'app.yaml';

/**
 * Packs an app folder: `app.yaml` becomes the config, everything else that does not begin with a dot becomes a file.
 * The same folder gives the same digest.
 *
 * @throws {InvalidCardError} @throws {PackFailedError} @throws {DiskFullError}
 */
export async function packApp(dir: string, blobs: BlobStore, options: PackOptions = {}): Promise<Packed> {
  const app = parseAppManifest(await readYaml(dir, MANIFEST_FILE));
  const files = (await folderFiles(dir)).filter((path) => path !== MANIFEST_FILE);
  if (!files.includes(app.main)) throw new PackFailedError(`the main module ${app.main} is not in ${dir}`);
  const layers = new Layers(blobs, options.signal);
  for (const path of files) await layers.addFile(await fileIn(dir, path), path, MEDIA.file);
  const configBytes = new TextEncoder().encode(canonicalJson(app));
  const config: Descriptor = {
    mediaType: MEDIA.appConfig,
    digest: await blobs.put(configBytes),
    size: configBytes.byteLength,
  };
  const descriptors = layers.descriptors();
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    artifactType: MEDIA.app,
    config,
    layers: descriptors,
    annotations: {
      [ANNOTATION.version]: app.version,
      [ANNOTATION.description]: app.description,
      [ANNOTATION.licence]: app.licence,
    },
  };
  const self = await putManifest(blobs, manifest);
  return {
    release: { kind: 'app', name: app.name, version: app.version, digest: self.digest },
    mediaType: MEDIA.manifest,
    size: self.size,
    contentSize: totalSize([self, config, ...descriptors]),
    description: app.description,
    licence: app.licence,
  };
}
