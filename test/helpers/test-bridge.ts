import type { ExecutionContext } from 'ava';
import type { Mesh } from '../../mesh/index.ts';
import { memoryBlobStore } from '../../store/index.ts';
import { generateKeyPair, type KeyPair } from '../../trust/index.ts';
import { addressOf, makeIdentity, startTestMesh } from './mesh.ts';
import { TestCatalog } from './test-catalog.ts';

/** A provider's side as a gateway sees it: a host that has content and tells its catalog. */
export interface TestBridge {
  mesh: Mesh;
  address: string;
  catalog: TestCatalog;
  publisher: KeyPair;
  /** Tells a gateway that the catalog has changed. */
  announce(gateway: string): Promise<void>;
}

export async function startTestBridge(t: ExecutionContext): Promise<TestBridge> {
  const blobs = memoryBlobStore();
  const publisher = generateKeyPair();
  const catalog = new TestCatalog(blobs, publisher);
  const mesh = await startTestMesh(t, { blobs, identity: makeIdentity(), gossip: false });
  mesh.handle('catalog', async () => ({ revision: catalog.revision, entries: catalog.entries }));
  return {
    mesh,
    address: addressOf(mesh),
    catalog,
    publisher,
    announce: async (gateway) => {
      await mesh.call(gateway, 'catalog-changed', { revision: catalog.revision });
    },
  };
}
