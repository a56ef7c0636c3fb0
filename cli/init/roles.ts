import { join } from 'node:path';
import { peerIdOf } from '../../mesh/index.ts';
import { loadOrCreateKeyPair } from '../../trust/index.ts';
import { FILES } from '../compose/files.ts';
import type { BridgeConfig, GatewayConfig, NodeConfig } from '../config/schema.ts';
import { refuseExisting, writeConfig } from './write-config.ts';

/** A configuration's input form: what has a default may be left out, and keys may be undefined. */
type Given<T> = Partial<Omit<T, 'role'>>;

/** Makes a bridge's folder: identity, publisher key, configuration. Returns the keys that others need. */
export async function initBridge(
  dir: string,
  given: Given<BridgeConfig> & { name: string },
): Promise<{ peerId: string; publisher: string }> {
  await refuseExisting(dir);
  const identity = await loadOrCreateKeyPair(join(dir, FILES.identity));
  const publisher = await loadOrCreateKeyPair(join(dir, FILES.publisher));
  await writeConfig(dir, { role: 'bridge', ...given });
  return { peerId: peerIdOf(identity.publicKey), publisher: publisher.publicKey };
}

/** Makes a gateway's folder: identity and configuration. Returns its peer id, which nodes need. */
export async function initGateway(
  dir: string,
  given: Given<GatewayConfig> & { name: string },
): Promise<{ peerId: string }> {
  return initSiteRole(dir, { role: 'gateway', ...given });
}

/** Makes a node's folder: identity and configuration. */
export async function initNode(
  dir: string,
  given: Given<Omit<NodeConfig, 'memory'>> & {
    name: string;
    site: string;
    gateway: string;
    memory?: string | number;
  },
): Promise<{ peerId: string }> {
  return initSiteRole(dir, { role: 'node', ...given });
}

async function initSiteRole(dir: string, values: Record<string, unknown>): Promise<{ peerId: string }> {
  await refuseExisting(dir);
  const identity = await loadOrCreateKeyPair(join(dir, FILES.identity));
  await writeConfig(dir, values);
  return { peerId: peerIdOf(identity.publicKey) };
}
