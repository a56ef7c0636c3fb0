import test from 'ava';
import { hardwareClassOf, silentLogger } from '../../../core/index.ts';
import { Content } from '../../../gateway/pull/index.ts';
import { OwnRuntimes, RebuildEngine, type RebuildJob } from '../../../gateway/rebuild/index.ts';
import { memoryState, openBlobStore } from '../../../store/index.ts';
import { generateKeyPair } from '../../../trust/index.ts';
import { startTestMesh } from '../../helpers/mesh.ts';
import { sampleConfiguration } from '../../helpers/sample-site.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { TestCatalog } from '../../helpers/test-catalog.ts';
import type { ExecutionContext } from 'ava';
import type { RebuildOptions } from '../../../gateway/gateway.ts';

interface Bench {
  engine: RebuildEngine;
  job: RebuildJob;
}

/** An engine on a store that has a runtime and the impulse model, and one job for a class of this machine's kind. */
async function bench(t: ExecutionContext, rebuild: RebuildOptions = {}): Promise<Bench> {
  const dir = await temporaryFolder(t);
  const blobs = await openBlobStore(`${dir}/store`);
  const catalog = new TestCatalog(blobs, generateKeyPair());
  const runtimeEntry = await catalog.runtime();
  const modelEntry = await catalog.model({ rebuild: { allow: ['int8-dynamic'], keepFloat: [] } });
  const state = memoryState();
  const mesh = await startTestMesh(t, { blobs });
  const log = silentLogger;
  const clock = Date.now;
  const content = new Content({ mesh, blobs });
  const entries = () => catalog.entries;
  const runtimes = new OwnRuntimes({ dir, execPath: undefined }, { content, blobs, log, entries });
  const engine = new RebuildEngine(
    { dir, execPath: undefined, rebuild: { trialBudgetMs: 3000, samples: 6, ...rebuild } },
    { blobs, state, content, runtimes, log, clock },
  );
  const base = sampleConfiguration(['avx2', 'avx512_vnni'], 'EPYC');
  const digest = runtimeEntry.variants[0]?.digest ?? runtimeEntry.digest;
  const target = hardwareClassOf({
    ...base,
    os: { ...base.os, platform: process.platform },
    cpu: { ...base.cpu, arch: process.arch },
    runtimes: [{ name: 'onnxruntime-node', version: '1.30.0', digest, provider: 'cpu' }],
  });
  if (target === undefined) throw new TypeError('a class needs a runtime');
  const model = await content.openModel(modelEntry);
  const runtime = await content.openRuntime(runtimeEntry, digest);
  return { engine, job: { model, target, runtime, objective: 'size', maxDrop: 0.2 } };
}

test('two who ask for the same at once get one rebuild, and later ones what was found', async (t) => {
  const { engine, job } = await bench(t);
  const signal = AbortSignal.timeout(100_000);
  const [one, other] = await Promise.all([engine.rebuild(job, signal), engine.rebuild(job, signal)]);
  t.is(one, other);
  const later = await engine.rebuild(job, signal);
  t.is(later.report.at, one.report.at);
  t.is(later.build.digest, one.build.digest);
  t.is(one.report.measuredBy, 'gateway');
  t.truthy(one.golden);
  const int8 = one.report.candidates.find(({ recipe }) => recipe === 'int8-dynamic');
  t.true((int8?.build?.size ?? Infinity) < job.model.weights.size, JSON.stringify(int8));
  t.truthy(int8?.accuracy);
});

test('a build whose process is ended costs that candidate, and the original is chosen', async (t) => {
  const { engine, job } = await bench(t, { memoryMiB: 20 });
  const { report, build, golden } = await engine.rebuild(job, AbortSignal.timeout(100_000));
  t.is(report.chosen, 'original');
  t.is(build.digest, job.model.weights.digest);
  const int8 = report.candidates.find(({ recipe }) => recipe === 'int8-dynamic');
  t.regex(int8?.problem ?? '', /ERR_MEMORY_EXCEEDED|ERR_CHILD_EXITED/);
  t.is(golden, undefined);
});

test('a rebuild that nobody waits for any more ends', async (t) => {
  const { engine, job } = await bench(t);
  const controller = new AbortController();
  const rebuilding = engine.rebuild(job, controller.signal);
  controller.abort(new Error('not wanted any more'));
  await t.throwsAsync(rebuilding, { message: 'not wanted any more' });
  t.is(await engine.report(job), undefined);
});
