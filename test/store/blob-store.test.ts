import test from 'ava';
import { memoryBlobStore, openBlobStore } from '../../store/index.ts';
import { blobStoreContract } from '../contracts/blob-store.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

blobStoreContract(test, 'on disk', async (t) => openBlobStore(await temporaryFolder(t)));
blobStoreContract(test, 'in memory', async () => memoryBlobStore());
