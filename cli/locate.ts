import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ApiFile, readApiFile } from '../gateway/api/index.ts';
import { type CliContext, UsageError } from './context.ts';
import { GatewayUnreachableError } from './errors.ts';

/** Where a gateway's `api.json` may lie in a folder: the gateway's own folder, or one of a whole site. */
const IN_SITE = ['api.json', 'gateway/api.json'];
/** Where it is looked for when nothing was said. */
const NEARBY = ['gateway/api.json', 'api.json', 'floormesh-demo/gateway/api.json'];

/**
 * Finds a gateway: `--site`, then FLOORMESH_GATEWAY with FLOORMESH_TOKEN, then FLOORMESH_SITE, then nearby folders.
 *
 * @throws {GatewayUnreachableError} when there is no trace of one
 * @throws {UsageError} for an address that is none
 * @throws {ApiFileInvalidError} (gateway) for a file that is none
 */
export async function locateGateway(site: string | undefined, { env }: CliContext): Promise<ApiFile> {
  if (site !== undefined) return inSite(site);
  if (env.FLOORMESH_GATEWAY !== undefined && env.FLOORMESH_GATEWAY !== '')
    return { url: addressOf(env.FLOORMESH_GATEWAY), token: env.FLOORMESH_TOKEN ?? '' };
  if (env.FLOORMESH_SITE !== undefined && env.FLOORMESH_SITE !== '') return inSite(env.FLOORMESH_SITE);
  const nearby = NEARBY.find((path) => existsSync(path));
  if (nearby === undefined) throw new GatewayUnreachableError('there is no gateway in this folder');
  return readApiFile(resolve(nearby));
}

async function inSite(dir: string): Promise<ApiFile> {
  const path = IN_SITE.map((file) => join(dir, file)).find((file) => existsSync(file));
  if (path === undefined)
    throw new GatewayUnreachableError(`${dir} has no api.json: no gateway was started there`);
  return readApiFile(path);
}

function addressOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new UsageError(`FLOORMESH_GATEWAY is not an address such as http://127.0.0.1:8470: ${text}`);
  return url.origin;
}
