import {
  type CatalogEntry,
  type CatalogKind,
  type CatalogListing,
  type Descriptor,
  type Digest,
  digestOf,
  errorRecord,
  findEntry,
  type ImageIndex,
  InvalidInputError,
  type Logger,
  manifestBytes,
  MAX_CATALOG_ENTRIES,
  parseRelease,
  silentLogger,
} from '../../core/index.ts';
import type { BlobStore, Layout } from '../../store/index.ts';
import { verifyRelease } from '../../trust/index.ts';
import { CatalogFullError, EntryNotFoundError, VersionExistsError } from '../errors.ts';
import { checkChunkLists, checkComplete, type Inspected, inspectRelease } from './inspect.ts';
import {
  descriptorOf,
  nextIndex,
  type Publication,
  publicationOf,
  referencedAs,
  referenceOf,
  revisionOf,
} from './records.ts';

/** A provider's store of apps, runtimes and models: what publishers signed, in an OCI image layout. */
export interface Catalog {
  /** Everything in it that is signed by a trusted publisher and whole. */
  listing(): Promise<CatalogListing>;
  /** One entry; without a version, the newest. */
  entry(kind: CatalogKind, name: string, version?: string): Promise<CatalogEntry | undefined>;
  /**
   * Puts a release in, once its content is in the layout's blob store. Putting the same in twice is no error.
   *
   * @throws {SignatureInvalidError} when no trusted publisher signed it @throws {VersionExistsError} when that version
   * has other content @throws {ReleaseIncompleteError} when blobs are missing @throws {ReleaseInvalidError} when the
   * content is something else @throws {CatalogFullError}
   */
  add(publication: Publication): Promise<CatalogEntry>;
  /**
   * Whether `add` would take it, as far as can be told without its content.
   *
   * @throws {InvalidInputError} @throws {SignatureInvalidError}
   */
  check(publication: Publication): void;
  /** Takes a release out, and what no other one needs off the disk. @throws {EntryNotFoundError} */
  remove(kind: CatalogKind, name: string, version: string): Promise<void>;
  /** Calls back after every change, also by other processes. Returns what ends it. */
  onChange(listener: () => void): () => void;
}

export interface CatalogOptions {
  /** Public keys of those whose releases it takes and tells. */
  publishers: readonly string[];
  log?: Logger;
}

/** Opens the catalog in an image layout. */
export async function openCatalog(layout: Layout, options: CatalogOptions): Promise<Catalog> {
  const catalog = new LayoutCatalog(layout, options);
  await catalog.listing();
  return catalog;
}

class LayoutCatalog implements Catalog {
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #publishers: readonly string[];
  readonly #log: Logger;
  /** What content says of itself never changes, since it is named by its digest. */
  readonly #inspected = new Map<Digest, Inspected>();
  #turn: Promise<unknown> = Promise.resolve();
  #told: { digest: Digest; listing: CatalogListing } | undefined;

  constructor(layout: Layout, options: CatalogOptions) {
    this.#layout = layout;
    this.#blobs = layout.blobs;
    this.#publishers = options.publishers;
    this.#log = options.log ?? silentLogger;
  }

  /** One after the other, so that an older index is never told after a newer one. */
  listing(): Promise<CatalogListing> {
    const listed = this.#turn.then(() => this.#list());
    this.#turn = listed.catch(() => {});
    return listed;
  }

  async #list(): Promise<CatalogListing> {
    const index = await this.#layout.index();
    const digest = digestOf(manifestBytes(index));
    if (this.#told?.digest === digest) return this.#told.listing;
    const entries = new Map<string, CatalogEntry>();
    for (const descriptor of index.manifests) {
      const publication = publicationOf(descriptor);
      const entry = publication === undefined ? undefined : await this.#readEntry(publication);
      if (entry !== undefined) entries.set(referenceOf(entry), entry);
    }
    // Another tool that rewrites the index may lose the count; whoever listed before must still see that it grew.
    const least = this.#told === undefined ? 0 : this.#told.listing.revision + 1;
    const revision = Math.max(revisionOf(index), least);
    const listing = { revision, entries: [...entries.values()].slice(0, MAX_CATALOG_ENTRIES) };
    this.#told = { digest, listing };
    return listing;
  }

  async entry(kind: CatalogKind, name: string, version?: string): Promise<CatalogEntry | undefined> {
    return findEntry((await this.listing()).entries, kind, name, version);
  }

  check(publication: Publication): void {
    verifyRelease(parseRelease(publication.release), publication.signature, this.#publishers);
    if (Number.isNaN(Date.parse(publication.createdAt)) || publication.createdAt.length > 40)
      throw new InvalidInputError(`not a time: ${publication.createdAt.slice(0, 60)}`);
  }

  async add(publication: Publication): Promise<CatalogEntry> {
    this.check(publication);
    const { release } = publication;
    const reference = referenceOf(release);
    this.#checkFree(await this.#layout.index(), reference, release.digest);
    const inspected = await inspectRelease(publication, this.#blobs);
    await checkComplete(inspected, this.#blobs);
    await checkChunkLists(inspected, this.#blobs);
    await this.#layout.update(async (index) => {
      if (this.#checkFree(index, reference, release.digest)) return index;
      if (index.manifests.length >= MAX_CATALOG_ENTRIES)
        throw new CatalogFullError(`the catalog has ${index.manifests.length} entries`);
      // Once more under the lock: a removal may have taken what this release shares with another.
      await checkComplete(inspected, this.#blobs);
      return nextIndex(index, [...index.manifests, descriptorOf(publication)]);
    });
    this.#inspected.set(release.digest, inspected);
    const entry = await this.entry(release.kind, release.name, release.version);
    if (entry === undefined) throw new EntryNotFoundError(`${reference} was removed at once`);
    return entry;
  }

  async remove(kind: CatalogKind, name: string, version: string): Promise<void> {
    const reference = referenceOf({ kind, name, version });
    let removed: Descriptor | undefined;
    await this.#layout.update((index) => {
      removed = index.manifests.find((descriptor) => referencedAs(descriptor, reference));
      if (removed === undefined) throw new EntryNotFoundError(`the catalog has no ${reference}`);
      return nextIndex(
        index,
        index.manifests.filter((descriptor) => !referencedAs(descriptor, reference)),
      );
    });
    const gone = removed === undefined ? undefined : publicationOf(removed);
    if (gone !== undefined) await this.#deleteUnneeded(gone);
  }

  onChange(listener: () => void): () => void {
    return this.#layout.onChange(listener);
  }

  /** True when exactly this is there already. @throws {VersionExistsError} */
  #checkFree(index: ImageIndex, reference: string, digest: Digest): boolean {
    const known = index.manifests.find((descriptor) => referencedAs(descriptor, reference));
    if (known === undefined) return false;
    if (known.digest === digest) return true;
    throw new VersionExistsError(`${reference} is ${known.digest} already`);
  }

  async #readEntry(publication: Publication): Promise<CatalogEntry | undefined> {
    const { release } = publication;
    try {
      verifyRelease(release, publication.signature, this.#publishers);
      const inspected =
        this.#inspected.get(release.digest) ?? (await inspectRelease(publication, this.#blobs));
      this.#inspected.set(release.digest, inspected);
      return entryOf(publication, inspected);
    } catch (error) {
      this.#log.warn({ release, problem: errorRecord(error) }, 'a release is left out of the catalog');
      return undefined;
    }
  }

  /** The index went first: what a crash leaves behind is unused content, never a release without content. */
  async #deleteUnneeded(gone: Publication): Promise<void> {
    await this.#layout.update(async (index) => {
      for (const digest of await this.#neededOnlyBy(gone, index)) await this.#blobs.delete(digest);
      return index;
    });
    this.#inspected.delete(gone.release.digest);
  }

  async #neededOnlyBy(gone: Publication, index: ImageIndex): Promise<Digest[]> {
    const needed = new Set<Digest>();
    try {
      for (const descriptor of index.manifests) {
        const other = publicationOf(descriptor);
        // What another tool keeps here may need anything.
        if (other === undefined) return [];
        const inspected = await inspectRelease(other, this.#blobs);
        for (const digest of inspected.blobs.keys()) needed.add(digest);
      }
      const { blobs } = await inspectRelease(gone, this.#blobs);
      return [...blobs.keys()].filter((digest) => !needed.has(digest));
    } catch (error) {
      this.#log.warn({ release: gone.release, problem: errorRecord(error) }, 'its content stays on the disk');
      return [];
    }
  }
}

function entryOf(publication: Publication, inspected: Inspected): CatalogEntry {
  const { release, mediaType, size, signature, createdAt } = publication;
  const { description, licence, variants, contentSize } = inspected;
  return {
    ...release,
    mediaType,
    size,
    description,
    licence,
    signature,
    variants,
    contentSize,
    publishedAt: createdAt,
  };
}
