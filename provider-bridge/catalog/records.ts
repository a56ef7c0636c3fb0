import { z } from 'zod';
import {
  ANNOTATION,
  canonicalJson,
  CATALOG_KINDS,
  type CatalogKind,
  type Descriptor,
  type ImageIndex,
  type Release,
  type Signature,
} from '../../core/index.ts';
import type { ReleaseContent } from './inspect.ts';

/** How a catalog stands in the index of an image layout: one descriptor for each release, found by its reference. */

/** Grows with every change of the catalog. */
const REVISION = 'org.floormesh.catalog.revision';

/** What is needed to put a release into a catalog. */
export interface Publication extends ReleaseContent {
  signature: Signature;
  /** When it was made, as ISO 8601 has it. */
  createdAt: string;
}

const signatureRecord = z.string().transform((text, context): Signature => {
  try {
    return z.object({ key: z.string(), signature: z.string() }).parse(JSON.parse(text));
  } catch {
    context.addIssue('not a signature record');
    return z.NEVER;
  }
});

const annotations = z.object({
  [ANNOTATION.reference]: z.string(),
  [ANNOTATION.signature]: signatureRecord,
  [ANNOTATION.created]: z.string(),
});

const REFERENCE = new RegExp(`^(${CATALOG_KINDS.join('|')})/([^/:]+):([^/:]+)$`);

/** The name by which OCI tools know a release in the layout: `model/label-recogniser:1.0.0`. */
export function referenceOf(release: Pick<Release, 'kind' | 'name' | 'version'>): string {
  return `${release.kind}/${release.name}:${release.version}`;
}

export function descriptorOf(publication: Publication): Descriptor {
  const { release, mediaType, size, signature, createdAt } = publication;
  return {
    mediaType,
    digest: release.digest,
    size,
    annotations: {
      [ANNOTATION.reference]: referenceOf(release),
      [ANNOTATION.signature]: canonicalJson(signature),
      [ANNOTATION.created]: createdAt,
    },
  };
}

/** What a descriptor says, or undefined for one that no catalog wrote: other tools may keep their own in a layout. */
export function publicationOf(descriptor: Descriptor): Publication | undefined {
  const parsed = annotations.safeParse(descriptor.annotations);
  if (!parsed.success) return undefined;
  const [, kind, name, version] = REFERENCE.exec(parsed.data[ANNOTATION.reference]) ?? [];
  if (kind === undefined || name === undefined || version === undefined) return undefined;
  const { mediaType, digest, size } = descriptor;
  return {
    release: { kind: kind as CatalogKind, name, version, digest },
    mediaType,
    size,
    signature: parsed.data[ANNOTATION.signature],
    createdAt: parsed.data[ANNOTATION.created],
  };
}

export function referencedAs(descriptor: Descriptor, reference: string): boolean {
  return descriptor.annotations?.[ANNOTATION.reference] === reference;
}

export function revisionOf(index: ImageIndex): number {
  const revision = Number(index.annotations?.[REVISION] ?? 0);
  return Number.isSafeInteger(revision) && revision >= 0 ? revision : 0;
}

/** The index with other descriptors, one revision on. */
export function nextIndex(index: ImageIndex, manifests: Descriptor[]): ImageIndex {
  const revision = String(revisionOf(index) + 1);
  return { ...index, manifests, annotations: { ...index.annotations, [REVISION]: revision } };
}
