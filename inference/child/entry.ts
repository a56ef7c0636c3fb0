import { extname } from 'node:path';

/**
 * The URL of a module beside the asking one, with the asking one's own extension: `.ts` in a source checkout, `.js`
 * when built. The compiler rewrites imports, but not URLs.
 *
 * @param path without extension, such as `../children/probe`
 */
export function siblingModule(importMetaUrl: string, path: string): URL {
  return new URL(`${path}${extname(new URL(importMetaUrl).pathname)}`, importMetaUrl);
}
