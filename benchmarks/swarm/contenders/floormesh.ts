import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeChunkList } from '../../../core/index.ts';
import { openBlobStore } from '../../../store/index.ts';
import { MAX_NODE_PEERS } from '../../../mesh/constants.ts';
import type { Contender } from '../case.ts';
import { buildHost } from '../build-host.ts';
import { checkFiles } from '../check-file.ts';
import type { HostOrder } from '../floormesh-host.ts';

const PORT = 4001;

/** Our own mesh and store, a process each, and nothing of the roles. */
export const floormesh: Contender = {
  name: 'floormesh',
  async run({ folder, file, sha256, addresses, spawn, go, finished }) {
    const built = join(folder, 'built');
    await mkdir(built);
    const program = await buildHost(built);
    const dirs = addresses.map((_, host) => join(folder, String(host)));
    const blobs = await openBlobStore(dirs[0] ?? folder);
    const { digest, size } = await blobs.putFile(file);
    const list = encodeChunkList(await blobs.cut(digest));
    const chunks = await blobs.put(list);
    const want = { digest, size, chunks, chunksSize: list.byteLength };
    const start = (host: number, order: Omit<HostOrder, 'dir' | 'listen'>): ReturnType<typeof spawn> => {
      const listen = `/ip4/${addresses[host]}/tcp/${PORT}`;
      const flags = (process.env['SWARM_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
      return spawn(host, [
        process.execPath,
        ...flags,
        program,
        JSON.stringify({ dir: dirs[host] ?? '', listen, ...order } satisfies HostOrder),
      ]);
    };
    const seed = start(0, { want, peers: [], expect: addresses.length - 1 });
    const [gateway = '', address = ''] = (await seed.line('listening')).split(' ');
    const nodes = addresses.slice(1).map((_, i) => {
      const earlier = addresses.slice(1, i + 1).map((ip) => `/ip4/${ip}/tcp/${PORT}`);
      // Every host dials those before it, as it would after it has heard of them, and keeps to so many.
      const expect = Math.min(addresses.length - 1, MAX_NODE_PEERS);
      return start(i + 1, { want, gateway, peers: [address, ...earlier], expect });
    });
    await Promise.all([seed, ...nodes].map((host) => host.line('ready')));
    go();
    for (const node of nodes) node.write('go');
    await Promise.all(nodes.map((node) => node.line('done')));
    finished();
    const path = join('blobs', 'sha256', sha256);
    await checkFiles(
      dirs.slice(1).map((dir) => join(dir, path)),
      sha256,
    );
  },
};
