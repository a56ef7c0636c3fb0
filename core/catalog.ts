import { z } from 'zod';
import type { Digest } from './digest.ts';
import { MAX_CATALOG_ENTRIES } from './limits.ts';
import { compareVersions, digestSchema, nameSchema, versionSchema } from './names.ts';
import { parseWith } from './parse.ts';
import type { Platform } from './manifest.ts';

export const CATALOG_KINDS = ['app', 'runtime', 'model'] as const;
export type CatalogKind = (typeof CATALOG_KINDS)[number];

/** What a publisher signs: that this content is this version of this thing. */
export interface Release {
  kind: CatalogKind;
  name: string;
  version: string;
  /** Of the manifest, or of the index where there are variants. */
  digest: Digest;
}

/** An ed25519 signature over a release's canonical JSON. Keys and signatures are base64url. */
export interface Signature {
  key: string;
  signature: string;
}

/** One version of one thing in a catalog. */
export interface CatalogEntry extends Release {
  mediaType: string;
  /** Bytes of the manifest or index. */
  size: number;
  description: string;
  licence: string;
  signature: Signature;
  /** Hardware variants; empty where one artifact serves all. */
  variants: { platform: Platform; digest: Digest }[];
  /** Bytes of everything that it names. */
  contentSize: number;
  publishedAt: string;
}

export const signatureSchema = z.object({ key: z.string().max(100), signature: z.string().max(200) });

const releaseShape = {
  kind: z.enum(CATALOG_KINDS),
  name: nameSchema,
  version: versionSchema,
  digest: digestSchema,
};

const catalogEntry = z.object({
  ...releaseShape,
  mediaType: z.string().max(200),
  size: z.number().int().nonnegative(),
  description: z.string().max(2000),
  licence: z.string().max(200),
  signature: signatureSchema,
  variants: z
    .array(
      z.object({
        platform: z.object({ os: z.string().max(50), architecture: z.string().max(50) }),
        digest: digestSchema,
      }),
    )
    .max(200),
  contentSize: z.number().int().nonnegative(),
  publishedAt: z.string().max(40),
});

const catalogListing = z.object({
  revision: z.number().int().nonnegative(),
  entries: z.array(catalogEntry).max(MAX_CATALOG_ENTRIES),
});

/** A catalog as a bridge tells it. The revision grows with every change. */
export interface CatalogListing {
  revision: number;
  entries: CatalogEntry[];
}

/** @throws {InvalidInputError} */
export function parseCatalogListing(value: unknown): CatalogListing {
  return parseWith(catalogListing, value, 'catalog listing');
}

/** @throws {InvalidInputError} */
export function parseRelease(value: unknown): Release {
  return parseWith(z.object(releaseShape), value, 'release');
}

export function releaseOf(entry: Release): Release {
  return { kind: entry.kind, name: entry.name, version: entry.version, digest: entry.digest };
}

/** The entry of that name and version; without a version, the newest. */
export function findEntry(
  entries: readonly CatalogEntry[],
  kind: CatalogKind,
  name: string,
  version?: string,
): CatalogEntry | undefined {
  return entriesOf(entries, kind, name).find((entry) => version === undefined || entry.version === version);
}

/** All versions of one thing, newest first. */
export function entriesOf(
  entries: readonly CatalogEntry[],
  kind: CatalogKind,
  name?: string,
): CatalogEntry[] {
  return entries
    .filter((entry) => entry.kind === kind && (name === undefined || entry.name === name))
    .sort((a, b) => (a.name === b.name ? compareVersions(b.version, a.version) : a.name < b.name ? -1 : 1));
}
