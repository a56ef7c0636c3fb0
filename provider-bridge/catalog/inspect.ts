import {
  ANNOTATION,
  type CatalogEntry,
  type CatalogKind,
  decodeChunkList,
  type Descriptor,
  type Digest,
  digestOf,
  type ImageIndex,
  isDigest,
  type Manifest,
  MAX_MANIFEST_BYTES,
  MEDIA,
  parseAppManifest,
  parseImageIndex,
  parseJson,
  parseManifest,
  parseModelCard,
  parseRuntimeManifest,
  type Release,
} from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import { ReleaseIncompleteError, ReleaseInvalidError } from '../errors.ts';

/** What a release's own content says about it. */
export interface Inspected extends Pick<
  CatalogEntry,
  'description' | 'licence' | 'variants' | 'contentSize'
> {
  /** Everything that it names, itself too, each blob once. */
  blobs: ReadonlyMap<Digest, number>;
  manifests: readonly Manifest[];
}

/** Which bytes a release names, and as what. */
export interface ReleaseContent {
  release: Release;
  mediaType: string;
  size: number;
}

const ARTIFACT_TYPE: Record<CatalogKind, string> = {
  app: MEDIA.app,
  runtime: MEDIA.runtime,
  model: MEDIA.model,
};

/**
 * Reads what a release names, as far as it says what it is: index, manifests, configs, cards.
 *
 * @throws {ReleaseIncompleteError} when one of those is missing
 * @throws {ReleaseInvalidError} when it is something else than the release says
 */
export async function inspectRelease(content: ReleaseContent, blobs: BlobStore): Promise<Inspected> {
  const { release, mediaType, size } = content;
  const bytes = await readSmall(release.digest, blobs);
  if (bytes.byteLength !== size)
    throw new ReleaseInvalidError(`the manifest has ${bytes.byteLength} bytes, not ${size}`);
  if (mediaType !== MEDIA.manifest && mediaType !== MEDIA.index)
    throw new ReleaseInvalidError(`${mediaType} is neither a manifest nor an index`);
  const index = mediaType === MEDIA.index ? valid(() => parseImageIndex(bytes)) : undefined;
  const manifests =
    index === undefined ? [valid(() => parseManifest(bytes))] : await variantsOf(index, blobs);
  const [first] = manifests;
  if (first === undefined) throw new ReleaseInvalidError('an index without variants');
  const named = new Map<Digest, number>([[release.digest, size]]);
  for (const { digest, size: variantSize } of index?.manifests ?? []) named.set(digest, variantSize);
  for (const manifest of manifests) {
    await checkIdentity(release, manifest, blobs);
    checkPaths(manifest);
    for (const { digest, size: blobSize } of [manifest.config, ...manifest.layers])
      named.set(digest, blobSize);
  }
  const { [ANNOTATION.description]: description = '', [ANNOTATION.licence]: licence = '' } =
    first.annotations ?? {};
  return {
    description: description.slice(0, 2000),
    licence: licence.slice(0, 200),
    variants: (index?.manifests ?? []).flatMap(({ digest, platform }) =>
      platform === undefined ? [] : [{ platform, digest }],
    ),
    contentSize: [...named.values()].reduce((total, one) => total + one, 0),
    blobs: named,
    manifests,
  };
}

/** Whether every blob is there with its size. @throws {ReleaseIncompleteError} naming those that are not */
export async function checkComplete(inspected: Inspected, blobs: BlobStore): Promise<void> {
  const missing: Digest[] = [];
  for (const [digest, size] of inspected.blobs)
    if (!(await blobs.has(digest)) || (await blobs.size(digest)) !== size) missing.push(digest);
  if (missing.length > 0)
    throw new ReleaseIncompleteError(`${missing.length} blobs are missing, the first is ${missing[0]}`);
}

/**
 * Holds every chunk list against the blob that it cuts: with a wrong one nobody could fetch the blob from anybody.
 *
 * @throws {ReleaseInvalidError}
 */
export async function checkChunkLists(inspected: Inspected, blobs: BlobStore): Promise<void> {
  const checked = new Set<Digest>();
  for (const manifest of inspected.manifests)
    for (const layer of manifest.layers) {
      const listDigest = layer.annotations?.[ANNOTATION.chunks];
      if (listDigest === undefined || checked.has(layer.digest)) continue;
      checked.add(layer.digest);
      if (!isDigest(listDigest) || !manifest.layers.some((one) => one.digest === listDigest))
        throw new ReleaseInvalidError(`the chunk list of ${layer.digest} is not among the layers`);
      await checkChunkList(layer, listDigest, blobs);
    }
}

async function checkChunkList(layer: Descriptor, listDigest: Digest, blobs: BlobStore): Promise<void> {
  const bytes = await blobs.read(listDigest, await blobs.size(listDigest));
  for (const chunk of valid(() => decodeChunkList(bytes, layer.size)).chunks) {
    const part = await blobs.readRange(layer.digest, chunk.offset, chunk.size);
    if (digestOf(part) !== chunk.digest)
      throw new ReleaseInvalidError(`the chunk list of ${layer.digest} is not right at byte ${chunk.offset}`);
  }
}

async function variantsOf(index: ImageIndex, blobs: BlobStore): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const { digest, platform } of index.manifests) {
    if (platform === undefined) throw new ReleaseInvalidError(`the variant ${digest} has no platform`);
    const bytes = await readSmall(digest, blobs);
    manifests.push(valid(() => parseManifest(bytes)));
  }
  return manifests;
}

/** A release must be what it says by name too: the name is what people deploy by. */
async function checkIdentity(release: Release, manifest: Manifest, blobs: BlobStore): Promise<void> {
  const { kind, name, version } = release;
  if (manifest.artifactType !== ARTIFACT_TYPE[kind])
    throw new ReleaseInvalidError(`a ${manifest.artifactType} is no ${kind}`);
  const about =
    kind === 'model' ? manifest.layers.find((layer) => layer.mediaType === MEDIA.modelCard) : manifest.config;
  if (about === undefined) throw new ReleaseInvalidError('the model has no card');
  const value = parseJson(await readSmall(about.digest, blobs), MAX_MANIFEST_BYTES);
  const parse = { app: parseAppManifest, runtime: parseRuntimeManifest, model: parseModelCard }[kind];
  const described = valid(() => parse(value));
  if (described.name !== name || described.version !== version)
    throw new ReleaseInvalidError(`it describes itself as ${described.name} ${described.version}`);
}

function checkPaths(manifest: Manifest): void {
  const paths = manifest.layers.flatMap((layer) => layer.annotations?.[ANNOTATION.path] ?? []);
  if (new Set(paths).size !== paths.length) throw new ReleaseInvalidError('two files have the same path');
}

async function readSmall(digest: Digest, blobs: BlobStore): Promise<Uint8Array> {
  if (!(await blobs.has(digest))) throw new ReleaseIncompleteError(`${digest} is missing`);
  return blobs.read(digest, MAX_MANIFEST_BYTES);
}

/** What is wrong with the content is wrong with the release. */
function valid<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new ReleaseInvalidError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
