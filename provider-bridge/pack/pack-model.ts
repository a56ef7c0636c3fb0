import { readdir } from 'node:fs/promises';
import {
  ANNOTATION,
  canonicalJson,
  type Descriptor,
  type Manifest,
  MEDIA,
  type ModelCard,
  parseModelCard,
} from '../../core/index.ts';
import type { BlobStore } from '../../store/index.ts';
import { checkOnnxFile } from './check-onnx.ts';
import { checkSamples } from './check-samples.ts';
import { fileIn, readYaml } from './folder.ts';
import { Layers, putManifest, totalSize } from './layers.ts';
import type { Packed, PackOptions } from './packed.ts';

const CARD_FILE = 'model.yaml';
/** Files that go along although the card does not name them: whoever gets the model should get its terms as well. */
const TERMS = /^(?:licen[cs]e|notice|copying|readme)(?:[.-][\w.-]+)?$/i;

/**
 * Packs a model folder: `model.yaml` (the card), and the files that it names. The result is a CNCF ModelPack manifest.
 * The same folder gives the same digest.
 *
 * @throws {InvalidCardError} @throws {ModelUnreadableError} @throws {PackFailedError} @throws {DiskFullError}
 */
export async function packModel(dir: string, blobs: BlobStore, options: PackOptions = {}): Promise<Packed> {
  const card = parseModelCard(await readYaml(dir, CARD_FILE));
  const named = await fileIn(dir, card.weights);
  const weights = (await options.weights?.(named)) ?? named;
  await checkOnnxFile(weights, card.weights);
  for (const path of [card.calibration, card.validation])
    if (path !== undefined) await checkSamples(await fileIn(dir, path), path, card);
  const layers = new Layers(blobs, {
    signal: options.signal,
    smallerForms: options.smallerForms,
    previous: await options.previous?.({ kind: 'model', name: card.name, version: card.version }),
  });
  await layers.addBytes(new TextEncoder().encode(canonicalJson(card)), MEDIA.modelCard);
  for (const [path, mediaType] of await filesOfCard(card, dir))
    await layers.addFile(path === card.weights ? weights : await fileIn(dir, path), path, mediaType);
  const descriptors = layers.descriptors();
  const config = await putConfig(card, descriptors, blobs);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    artifactType: MEDIA.model,
    config,
    layers: descriptors,
    annotations: {
      [ANNOTATION.version]: card.version,
      [ANNOTATION.description]: card.description,
      [ANNOTATION.licence]: card.licence,
    },
  };
  const self = await putManifest(blobs, manifest);
  return {
    release: { kind: 'model', name: card.name, version: card.version, digest: self.digest },
    mediaType: MEDIA.manifest,
    size: self.size,
    contentSize: totalSize([self, config, ...descriptors]),
    description: card.description,
    licence: card.licence,
  };
}

/** Every file once, by the first role that it has: weights, data, others. */
async function filesOfCard(card: ModelCard, dir: string): Promise<Map<string, string>> {
  const files = new Map<string, string>([[card.weights, MEDIA.modelWeights]]);
  const add = (path: string | undefined, mediaType: string): void => {
    if (path !== undefined && !files.has(path)) files.set(path, mediaType);
  };
  add(card.calibration, MEDIA.modelDataset);
  add(card.validation, MEDIA.modelDataset);
  if (card.metric.kind === 'app') add(card.metric.module, MEDIA.modelFile);
  for (const path of Object.values(card.files).sort()) add(path, MEDIA.modelFile);
  for (const name of (await readdir(dir)).sort()) if (TERMS.test(name)) add(name, MEDIA.modelFile);
  return files;
}

/**
 * What ModelPack has in a model's config (github.com/modelpack/model-spec, config.md). Without a time, so that the same
 * model has the same digest whenever it is packed.
 */
async function putConfig(
  card: ModelCard,
  layers: readonly Descriptor[],
  blobs: BlobStore,
): Promise<Descriptor> {
  const config = {
    descriptor: {
      name: card.name,
      title: card.name,
      version: card.version,
      description: card.description,
      licenses: [card.licence],
      ...(card.source === '' ? {} : { sourceURL: card.source }),
    },
    config: { format: 'onnx' },
    modelfs: { type: 'layers', diffIds: layers.map(({ digest }) => digest) },
  };
  const bytes = new TextEncoder().encode(canonicalJson(config));
  return { mediaType: MEDIA.modelConfig, digest: await blobs.put(bytes), size: bytes.byteLength };
}
