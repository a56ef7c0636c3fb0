/** What comes from the provider. In: the bridge's catalog, content by digest. Out: trusted entries, opened artifacts. */
export * from './artifacts.ts';
export { BridgeLink } from './bridge-link.ts';
export { CatalogCache } from './catalog-cache.ts';
export { Content } from './content.ts';
export type { ContentMesh, WaitOptions } from './content.ts';
