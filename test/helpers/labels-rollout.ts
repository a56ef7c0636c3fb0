import { digestOf, hardwareClassOf, parseDeploymentSpec } from '../../core/index.ts';
import type { DeploymentRecord, NodePackage } from '../../gateway/rollouts/records.ts';
import type { Share } from '../../gateway/rollouts/share.ts';
import { sampleConfiguration, sampleEntry } from './sample-site.ts';

/** A deployment `labels` of the app `label-reader`, with the model `ocr`, as a gateway's book has it. */

const hardwareClass = hardwareClassOf(sampleConfiguration(['avx2', 'fma'], 'i5'));

export const LABELS_APP = { name: 'label-reader', version: '1.0.0' };

/** What a node gets of it, with a version of the model. */
export function labelsShare(node: string, model = '1.0.0'): Share {
  if (hardwareClass === undefined) throw new TypeError('the sample has a class');
  return {
    node,
    name: node,
    key: digestOf(node + model),
    app: sampleEntry('app', LABELS_APP.name, LABELS_APP.version),
    runtime: sampleEntry('runtime', 'onnxruntime-node', '1.30.0'),
    models: { reader: sampleEntry('model', 'ocr', model) },
    hardwareClass,
    variant: 'full',
    variantReason: 'it fits',
    memoryMiB: 100,
    sources: [],
    actions: {},
  };
}

/** The package of a revision. */
export function labelsPackage(revision: number): NodePackage {
  return { digest: digestOf(`package ${revision}`), size: 1, contentSize: 9, modelSize: 5, summary: '' };
}

/** What the book says of it before its first rollout. */
export function labelsRecord(autoUpdate = true): DeploymentRecord {
  return {
    spec: parseDeploymentSpec({ name: 'labels', app: LABELS_APP.name, to: 'all', autoUpdate }),
    revision: 0,
    createdAt: 0,
    app: LABELS_APP,
    models: {},
    shares: {},
    offers: {},
    removals: {},
    rollout: null,
  };
}
