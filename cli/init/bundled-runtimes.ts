import { join } from 'node:path';
import { type NodePlatform, packOnnxruntimeNode, packOnnxruntimeWeb } from '../../provider-bridge/index.ts';
import { FILES } from '../compose/files.ts';
import { publishInto } from '../publish.ts';

/**
 * Puts the runtimes that floormesh is installed with into a bridge's catalog.
 *
 * @param options.platforms what the native one is packed for; every Linux platform without it
 * @returns their names and versions
 */
export async function packBundledRuntimes(
  bridgeDir: string,
  { signal, platforms }: { signal: AbortSignal; platforms?: readonly NodePlatform[] },
): Promise<string[]> {
  const key = join(bridgeDir, FILES.publisher);
  const native = platforms === undefined ? {} : { platforms };
  const names: string[] = [];
  for (const pack of [packOnnxruntimeNode, packOnnxruntimeWeb]) {
    const { release } = await publishInto(bridgeDir, key, (blobs, { previous }) =>
      pack(blobs, { signal, previous, ...native }),
    );
    names.push(`${release.name} ${release.version}`);
  }
  return names;
}
