import {
  ANNOTATION,
  type Descriptor,
  type Digest,
  MAX_MANIFEST_BYTES,
  MEDIA,
  type Manifest,
  type ModelCard,
  PACKAGE_PATH,
  type PackageConfig,
  parseImageIndex,
  parseJson,
  parseManifest,
  parseModelCard,
  parsePackageConfig,
} from '../../core/index.ts';
import type { BlobStore, TreeFile } from '../../store/index.ts';
import { PackageInvalidError } from '../errors.ts';

/** A package's small parts: all that a decision about it needs. */
export interface PackageHead {
  manifest: Manifest;
  config: PackageConfig;
  /** What publishers signed, by digest: index or manifest. */
  releases: Map<Digest, Release>;
  /** As the package has them, by the app's name of the model. */
  cards: Map<string, ModelCard>;
}

/** The cards as their publishers signed them, by the app's name of the model. */
export type SignedCards = ReadonlyMap<string, ModelCard>;

/** A publisher's manifest, or its index of variants. */
export type Release = { manifest: Manifest } | { variants: Digest[] };

const RELEASES = 'releases/';
/** A package's own config in its tree, so that a node can start what it has without anything else. */
export const CONFIG_PATH = 'floormesh-package.json';

/** Layers that have a place in the package's tree, by path. */
export function layersByPath(manifest: Pick<Manifest, 'layers'>): Map<string, Descriptor> {
  const byPath = new Map<string, Descriptor>();
  for (const layer of manifest.layers) {
    const path = layer.annotations?.[ANNOTATION.path];
    if (path === undefined || layer.mediaType === MEDIA.chunks) continue;
    if (byPath.has(path)) throw new PackageInvalidError(`two layers have the path ${path}`);
    byPath.set(path, layer);
  }
  return byPath;
}

/** The small blobs that are read before the large ones are fetched: config, releases, cards. */
export function headDescriptors(manifest: Manifest): Descriptor[] {
  const small = [...layersByPath(manifest)].filter(
    ([path]) => path.startsWith(RELEASES) || /^models\/[^/]+\/card\.json$/.test(path),
  );
  const head = [manifest.config, ...small.map(([, layer]) => layer)];
  const large = head.find(({ size }) => size > MAX_MANIFEST_BYTES);
  if (large !== undefined) throw new PackageInvalidError(`${large.digest} has ${large.size} bytes`);
  return head;
}

/** Reads what `headDescriptors` named. @throws {PackageInvalidError} @throws {InvalidInputError} */
export async function readHead(manifest: Manifest, blobs: BlobStore): Promise<PackageHead> {
  if (manifest.artifactType !== MEDIA.package)
    throw new PackageInvalidError(`a ${manifest.artifactType} is no package`);
  const read = (digest: Digest): Promise<Uint8Array> => blobs.read(digest, MAX_MANIFEST_BYTES);
  const config = parsePackageConfig(await read(manifest.config.digest));
  const releases = new Map<Digest, Release>();
  const byPath = layersByPath(manifest);
  for (const [path, { digest }] of byPath)
    if (path.startsWith(RELEASES)) releases.set(digest, parseRelease(await read(digest)));
  const cards = new Map<string, ModelCard>();
  for (const name of Object.keys(config.models)) {
    const layer = byPath.get(PACKAGE_PATH.card(name));
    if (layer === undefined) throw new PackageInvalidError(`the model ${name} has no card`);
    cards.set(name, parseModelCard(parseJson(await read(layer.digest), MAX_MANIFEST_BYTES)));
  }
  return { manifest, config, releases, cards };
}

function parseRelease(bytes: Uint8Array): Release {
  const value = parseJson(bytes, MAX_MANIFEST_BYTES);
  const isIndex =
    typeof value === 'object' && value !== null && 'mediaType' in value && value.mediaType === MEDIA.index;
  if (!isIndex) return { manifest: parseManifest(bytes) };
  return { variants: parseImageIndex(bytes).manifests.map(({ digest }) => digest) };
}

/** Names the card that the publisher of a model signed. @throws {PackageInvalidError} */
export function signedCardOf(head: PackageHead, model: string): Descriptor {
  const { digest } = head.config.models[model] ?? {};
  const release = digest === undefined ? undefined : head.releases.get(digest);
  if (release === undefined || !('manifest' in release))
    throw new PackageInvalidError(`the package lacks the signed manifest of the model ${model}`);
  const { config, layers } = release.manifest;
  const card = [config, ...layers].find(({ mediaType }) => mediaType === MEDIA.modelCard);
  if (card === undefined)
    throw new PackageInvalidError(`the signed manifest of the model ${model} has no card`);
  return card;
}

/** The files of the package's tree. */
export function treeFiles(manifest: Manifest): TreeFile[] {
  const files = filesOf(manifest);
  return [...files, { path: CONFIG_PATH, digest: manifest.config.digest }];
}

/** The files that an artifact's layers are. */
export function filesOf(manifest: Pick<Manifest, 'layers'>): TreeFile[] {
  return [...layersByPath(manifest)].map(([path, { digest, annotations }]) => {
    const mode = annotations?.[ANNOTATION.mode];
    if (mode === undefined) return { path, digest };
    if (!/^[0-7]{3,4}$/.test(mode)) throw new PackageInvalidError(`not a file mode: ${mode}`);
    return { path, digest, mode: Number.parseInt(mode, 8) };
  });
}
