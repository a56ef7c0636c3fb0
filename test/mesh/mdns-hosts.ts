import { silentLogger } from '../../core/index.ts';
import { mesh } from '../../mesh/index.ts';
import { memoryBlobStore } from '../../store/index.ts';
import { connectedTo, makeIdentity } from '../helpers/mesh.ts';

/**
 * Runs by itself, in a network of its own: three hosts that know no address, two of them of one site. One of the two
 * comes back on another port. Prints who found whom as one line of JSON.
 */
const make = (site: string, identity = makeIdentity()): ReturnType<ReturnType<typeof mesh>> =>
  mesh({ site, listen: ['/ip4/127.0.0.1/tcp/0'] })({
    blobs: memoryBlobStore(),
    keyPair: identity,
    log: silentLogger,
  });
const identity = makeIdentity();
const [north, south, moving] = [make('north'), make('south'), make('north', identity)];
await Promise.all([north.start(), south.start(), moving.start()]);
await Promise.all([connectedTo(north, moving.peerId), connectedTo(moving, north.peerId)]);
const found = { north: north.peers(), moving: moving.peers(), south: south.peers() };

const gone = new Promise<void>((resolve) => north.onPeer((_, connected) => !connected && resolve()));
await moving.stop();
await gone;
const moved = make('north', identity);
await moved.start();
await connectedTo(north, moved.peerId);
const again = { north: north.peers(), south: south.peers() };
await Promise.all([north.stop(), south.stop(), moved.stop()]);
process.stdout.write(`${JSON.stringify({ ids: [north.peerId, moved.peerId], found, again })}\n`);
