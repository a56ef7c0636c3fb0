import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type Digest,
  digestOf,
  encodeSamples,
  float32,
  type Metric,
  parseTrialRequest,
  parseTrialResult,
  type RecipeName,
  silentLogger,
  type TrialRequest,
  type TrialResult,
} from '../../core/index.ts';
import { runTrial, type TrialInit } from '../../inference/index.ts';
import { concat, int, message, text } from '../../inference/probe/onnx-writer.ts';
import { directionModel } from '../helpers/package-tree.ts';
import { runtimeTree } from '../helpers/runtimes.ts';

const OUTPUT = 'softmax_0.tmp_0';

interface Setting {
  init(builds: [RecipeName, Uint8Array][], budget?: Partial<TrialRequest['budget']>): Promise<TrialInit>;
  /** The same with a metric of the model's own. */
  ownMetric(builds: [RecipeName, Uint8Array][], module: string): Promise<TrialInit>;
  folder: string;
}

async function setting(t: ExecutionContext, expected?: number): Promise<Setting> {
  const runtime = await runtimeTree('onnxruntime-node');
  const folder = await mkdtemp(join(tmpdir(), 'floormesh-trial-'));
  t.teardown(async () => {
    await runtime.remove();
    await rm(folder, { recursive: true });
  });
  const files: Record<Digest, string> = {};
  const put = async (bytes: Uint8Array): Promise<{ digest: Digest; size: number }> => {
    const digest = digestOf(bytes);
    files[digest] = join(folder, digest.replace(':', '-'));
    await writeFile(files[digest], bytes);
    return { digest, size: bytes.byteLength };
  };
  const samples = Array.from({ length: 6 }, (_, sample) => ({
    inputs: {
      x: float32(
        Float32Array.from({ length: 3 * 48 * 192 }, (_value, i) => Math.sin(i / (3 + sample))),
        [1, 3, 48, 192],
      ),
    },
    ...(expected === undefined ? {} : { expected }),
  }));
  const given: Setting = {
    folder,
    ownMetric: async (builds, module) => {
      const init = await given.init(builds);
      const metric: Metric = { kind: 'app', module: 'metric.js', output: OUTPUT, more: [] };
      const metricModule = await put(new TextEncoder().encode(module));
      return { ...init, request: { ...init.request, metric, metricModule } };
    },
    init: async (builds, budget = {}) => ({
      runtimeDir: runtime.dir,
      runtime: runtime.manifest,
      provider: 'cpu',
      files,
      log: silentLogger,
      request: {
        runtime: { manifest: digestOf('manifest'), manifestSize: 1, provider: 'cpu' },
        metric: { kind: 'top1', output: OUTPUT },
        builds: await Promise.all(builds.map(async ([name, bytes]) => ({ name, ...(await put(bytes)) }))),
        validation: await put(encodeSamples({ samples })),
        budget: { samples: 4, runs: 20, milliseconds: 30_000, ...budget },
      },
    }),
  };
  return given;
}

function resultOf(result: TrialResult, recipe: RecipeName): TrialResult['results'][number] {
  const found = result.results.find((one) => one.name === recipe);
  if (found === undefined) throw new Error(`no result for ${recipe}`);
  return found;
}

/** A model with the direction model's interface that never ends: a loop whose condition stays true. */
function endlessModel(): Uint8Array {
  const FLOAT = 1;
  const INT64 = 7;
  const BOOL = 9;
  const typed = (field: number, name: string, element: number, dims: number[]) =>
    message(
      field,
      text(1, name),
      message(2, message(1, int(1, element), message(2, ...dims.map((dim) => message(1, int(1, dim)))))),
    );
  const node = (op: string, inputs: string[], outputs: string[], ...attributes: Uint8Array[]) =>
    message(
      1,
      ...inputs.map((name) => text(1, name)),
      ...outputs.map((name) => text(2, name)),
      text(4, op),
      ...attributes,
    );
  const dims = [1, 3, 48, 192];
  const body = message(
    6,
    node('Identity', ['again'], ['still']),
    node('Neg', ['held'], ['kept']),
    text(2, 'body'),
    typed(11, 'turn', INT64, []),
    typed(11, 'again', BOOL, []),
    typed(11, 'held', FLOAT, dims),
    typed(12, 'still', BOOL, []),
    typed(12, 'kept', FLOAT, dims),
  );
  const graph = [
    node('Loop', ['', 'yes', 'x'], [OUTPUT], message(5, text(1, 'body'), body, int(20, 5))),
    text(2, 'endless'),
    message(5, int(2, BOOL), text(8, 'yes'), message(9, int(0, 1).subarray(1))),
    typed(11, 'x', FLOAT, dims),
    typed(12, OUTPUT, FLOAT, dims),
  ];
  return concat([int(1, 8), message(7, ...graph), message(8, int(2, 13))]);
}

test('builds are measured against the original: accuracy, times, memory', async (t) => {
  const { init } = await setting(t);
  const weights = await directionModel();
  const result = await runTrial(
    await init([
      ['original', weights],
      ['optimize', weights],
    ]),
  );
  t.deepEqual(parseTrialResult(result), result);
  for (const recipe of ['original', 'optimize'] as const) {
    const { problem, accuracy, measurement } = resultOf(result, recipe);
    t.is(problem, undefined);
    t.deepEqual(accuracy, { metric: 'top1', labelled: false, samples: 4, original: 1, build: 1 });
    t.true((measurement?.runs ?? 0) > 10 && (measurement?.runs ?? 0) <= 20);
    t.true((measurement?.throughput ?? 0) > 0);
    t.true((measurement?.p50Ms ?? 0) > 0);
    t.true((measurement?.p95Ms ?? 0) >= (measurement?.p50Ms ?? Infinity));
    t.true((measurement?.loadMs ?? 0) > 0);
    t.true((measurement?.peakMemoryMiB ?? 0) > 0.5);
  }
});

test('labelled samples are held against the truth, not against the original', async (t) => {
  const { init } = await setting(t, 99);
  const weights = await directionModel();
  const result = await runTrial(
    await init([
      ['original', weights],
      ['optimize', weights],
    ]),
  );
  const truth = { metric: 'top1', labelled: true, samples: 4, original: 0, build: 0 };
  t.deepEqual(resultOf(result, 'original').accuracy, truth);
  t.deepEqual(resultOf(result, 'optimize').accuracy, truth);
});

test('the original alone is measured, too', async (t) => {
  const { init } = await setting(t);
  const result = await runTrial(await init([['original', await directionModel()]]));
  t.is(result.results.length, 1);
  t.is(resultOf(result, 'original').measurement?.runs, 20);
  t.is(resultOf(result, 'original').measurement?.ratio, undefined);
});

test('a build that is no model, and one that never ends, cost only themselves', async (t) => {
  const { init } = await setting(t);
  const weights = await directionModel();
  const result = await runTrial(
    await init(
      [
        ['original', weights],
        ['fp16', new TextEncoder().encode('not ONNX')],
        ['int8-static', endlessModel()],
        ['optimize', weights],
      ],
      { milliseconds: 15_000 },
    ),
  );
  t.regex(resultOf(result, 'fp16').problem ?? '', /can't open the model/);
  t.regex(resultOf(result, 'int8-static').problem ?? '', /took longer/);
  t.is(resultOf(result, 'optimize').accuracy?.build, 1);
  t.is(resultOf(result, 'original').problem, undefined);
});

test('a candidate whose process is killed costs only itself', async (t) => {
  const { init, folder } = await setting(t);
  const weights = await directionModel();
  const execPath = join(folder, 'node-noted');
  const noted = join(folder, 'pids');
  await writeFile(execPath, `#!/bin/sh\necho $$ >> ${noted}\nexec ${process.execPath} "$@"\n`);
  await chmod(execPath, 0o755);
  const request = await init([
    ['original', weights],
    ['fp16', weights],
    ['optimize', weights],
  ]);
  const trial = runTrial({ ...request, execPath });
  for (;;) {
    const pids = (await readFile(noted, 'utf8').catch(() => '')).trim().split('\n');
    if (pids.length >= 2) {
      process.kill(Number(pids[1]), 'SIGKILL');
      break;
    }
    await delay(5);
  }
  const result = await trial;
  t.regex(resultOf(result, 'fp16').problem ?? '', /SIGKILL/);
  t.is(resultOf(result, 'optimize').accuracy?.build, 1);
});

test('without an original that runs nothing can be judged', async (t) => {
  const { init } = await setting(t);
  const result = await runTrial(
    await init([
      ['original', new TextEncoder().encode('not ONNX')],
      ['optimize', await directionModel()],
    ]),
  );
  t.regex(resultOf(result, 'optimize').problem ?? '', /original did not run/);
  t.regex(resultOf(result, 'original').problem ?? '', /original did not run/);
});

test('a trial that is given up rejects with the reason', async (t) => {
  const { init } = await setting(t);
  const controller = new AbortController();
  const request = await init([['original', await directionModel()]]);
  const trial = runTrial({ ...request, signal: controller.signal });
  controller.abort(new RangeError('enough'));
  await t.throwsAsync(trial, { message: 'enough' });
});

test("a publisher's own metric scores builds, and reaches nothing of the machine", async (t) => {
  const { ownMetric, folder } = await setting(t, 0.75);
  const weights = await directionModel();
  const secret = join(folder, 'secret');
  await writeFile(secret, 'the key');
  const module = `
    import { readFileSync } from 'node:fs';
    export default ({ outputs, reference, inputs, expected }) => {
      try {
        readFileSync(${JSON.stringify(secret)});
        return 0;
      } catch {
        const same = outputs['${OUTPUT}'].data.every((value, i) => value === reference['${OUTPUT}'].data[i]);
        return same && inputs.x.dims[3] === 192 ? expected : 0;
      }
    };`;
  const init = await ownMetric(
    [
      ['original', weights],
      ['optimize', weights],
    ],
    module,
  );
  t.deepEqual(parseTrialRequest(init.request), init.request);
  const result = await runTrial(init);
  t.deepEqual(resultOf(result, 'optimize').accuracy, {
    metric: 'app',
    labelled: true,
    samples: 4,
    original: 0.75,
    build: 0.75,
  });
  t.true((resultOf(result, 'optimize').measurement?.runs ?? 0) > 0);
});

test('what is wrong with a metric is told as such', async (t) => {
  const { ownMetric } = await setting(t);
  const builds: [RecipeName, Uint8Array][] = [['original', await directionModel()]];
  for (const [module, problem] of [
    ['export const score = 1;', /default export is not a function/],
    ['export default () => 7;', /gave 7, not a number/],
    ["export default () => { throw new Error('no such box'); };", /no such box/],
    ["import './other.js'; export default () => 1;", /own metric/],
  ] as const) {
    const { problem: told = '' } = resultOf(await runTrial(await ownMetric(builds, module)), 'original');
    t.regex(told, problem);
    t.regex(told, /^the model's own metric/);
  }
});

test('a metric that fails on what a candidate gives costs that candidate only', async (t) => {
  const { ownMetric } = await setting(t);
  const weights = await directionModel();
  const module = `
    let calls = 0;
    export default () => {
      calls += 1;
      if (calls === 5) throw new Error('a box without corners');
      return 1;
    };`;
  const init = await ownMetric(
    [
      ['original', weights],
      ['fp16', weights],
      ['optimize', weights],
    ],
    module,
  );
  const result = await runTrial({
    ...init,
    request: { ...init.request, budget: { ...init.request.budget, samples: 2 } },
  });
  // Two calls for the original and two for the first candidate: the fifth is the second candidate's.
  t.is(resultOf(result, 'fp16').accuracy?.build, 1);
  t.regex(resultOf(result, 'optimize').problem ?? '', /a box without corners/);
  t.is(resultOf(result, 'original').problem, undefined);
});

test('a trial waits until the machine has nothing better to do', async (t) => {
  const { init } = await setting(t);
  const request = await init([['original', await directionModel()]], { milliseconds: 1000 });
  const controller = new AbortController();
  const asked = Promise.withResolvers<void>();
  let turns = 0;
  const quiet = async (): Promise<void> => {
    turns += 1;
    if (turns < 3) return;
    asked.resolve();
    await new Promise((resolve) => controller.signal.addEventListener('abort', resolve));
  };
  const trial = runTrial({ ...request, quiet, signal: controller.signal });
  await asked.promise;
  await delay(200);
  t.is(turns, 3, 'it asks for nothing while it waits');
  controller.abort(new RangeError('busy for too long'));
  await t.throwsAsync(trial, { message: 'busy for too long' });
});
