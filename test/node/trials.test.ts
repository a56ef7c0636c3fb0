import { rm } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { digestOf, encodeSamples, float32, silentLogger, type TrialRequest } from '../../core/index.ts';
import type { Content } from '../../node/agent/content.ts';
import type { Runtimes } from '../../node/agent/runtimes.ts';
import { Trials } from '../../node/agent/trials.ts';
import { Activity } from '../../node/runtime-host/activity.ts';
import { type BlobStore, openBlobStore } from '../../store/index.ts';
import { generateKeyPair } from '../../trust/index.ts';
import { directionModel } from '../helpers/package-tree.ts';
import { runtimeTree } from '../helpers/runtimes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

interface Bench {
  trials: Trials;
  request: TrialRequest;
  blobs: BlobStore;
}

/** Trials over a real runtime and a real store that holds everything already. */
async function bench(t: ExecutionContext, activity: Activity): Promise<Bench> {
  const runtime = await runtimeTree('onnxruntime-node');
  t.teardown(() => rm(runtime.dir, { recursive: true }));
  const blobs = await openBlobStore(await temporaryFolder(t));
  const put = async (bytes: Uint8Array): Promise<{ digest: `sha256:${string}`; size: number }> => ({
    digest: await blobs.put(bytes),
    size: bytes.byteLength,
  });
  const inputs = { x: float32(new Float32Array(3 * 48 * 192), [1, 3, 48, 192]) };
  const manifest = digestOf('runtime');
  const request: TrialRequest = {
    runtime: { manifest, manifestSize: 7, provider: 'cpu' },
    metric: { kind: 'top1', output: 'softmax_0.tmp_0' },
    builds: [{ name: 'original', ...(await put(await directionModel())) }],
    validation: await put(encodeSamples({ samples: [{ inputs }] })),
    budget: { samples: 1, runs: 2, milliseconds: 2000 },
  };
  const content: Pick<Content, 'blobs' | 'fetch'> = { blobs, fetch: async () => undefined };
  const runtimes: Pick<Runtimes, 'proven' | 'installed'> = {
    proven: () => [{ name: 'onnxruntime-node', version: '1.30.0', digest: manifest, provider: 'cpu' }],
    installed: async () => ({ dir: runtime.dir, manifest: runtime.manifest }),
  };
  const trials = new Trials(
    { execPath: undefined, memoryMiB: 2048, overheadMiB: undefined, waitMs: 300 },
    {
      content: content as Content,
      runtimes: runtimes as Runtimes,
      activity,
      keyPair: generateKeyPair(),
      log: silentLogger,
    },
  );
  t.teardown(() => trials.stop());
  return { trials, request, blobs };
}

const forever = new AbortController().signal;

test('a node whose apps were at work half of the time declines', async (t) => {
  let now = 0;
  const activity = new Activity(() => now);
  activity.begin('labels');
  now = 6000;
  const { trials, request } = await bench(t, activity);
  await t.throwsAsync(trials.run(request, forever), { code: 'ERR_NODE_BUSY', message: /60 %/ });
  activity.end('labels');
  now = 14_000;
  const { results } = await trials.run(request, forever);
  t.is(results[0]?.measurement?.runs, 2);
});

test('a second trial is declined while one runs', async (t) => {
  const { trials, request } = await bench(t, new Activity());
  const first = trials.run(request, forever);
  await t.throwsAsync(trials.run(request, forever), { code: 'ERR_NODE_BUSY', message: /another trial/ });
  t.is((await first).results[0]?.problem, undefined);
});

test('a trial waits for apps that have something to do, and is given up when that takes too long', async (t) => {
  const activity = new Activity();
  const { trials, request, blobs } = await bench(t, activity);
  activity.begin('labels');
  const trial = trials.run(request, forever);
  setTimeout(() => activity.end('labels'), 100);
  t.is((await trial).results[0]?.measurement?.runs, 2);
  activity.begin('labels');
  await t.throwsAsync(trials.run(request, forever), { code: 'ERR_NODE_BUSY', message: /too long/ });
  t.true(await blobs.has(request.builds[0]!.digest), 'what was there before the trial stays');
  activity.end('labels');
  t.is((await trials.run(request, forever)).results[0]?.problem, undefined);
});
