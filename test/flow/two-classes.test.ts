import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { chosenOf, float32, type RebuildReport, scoreSample } from '../../core/index.ts';
import type { Explanation, NodeView } from '../../gateway/index.ts';
import { publishInto } from '../../cli/publish.ts';
import { packOnnxruntimeWeb } from '../../provider-bridge/index.ts';
import { floormeshHere } from '../helpers/cli-run.ts';
import { newFolder, SmallSite } from '../helpers/small-site.ts';
import {
  TEXTURE_RECIPES,
  textureInput,
  writeTextureApp,
  writeTextureModel,
} from '../helpers/two-class-model.ts';
import { until } from '../helpers/until.ts';

/** Nodes on one machine, of two classes by the runtime that each may use: two of the one, and one of the other. */
const RUNTIMES = {
  native: 'onnxruntime-node',
  twin: 'onnxruntime-node',
  sandboxed: 'onnxruntime-web',
} as const;
type Name = keyof typeof RUNTIMES;
const NAMES = Object.keys(RUNTIMES) as Name[];
const APP = 'texture-reader';
const MAX_DROP = 0.02;

test('two classes on one mesh get different builds of a model, each by what was measured there', async (t) => {
  const site = new SmallSite(await newFolder());
  t.teardown(async () => {
    await site.stop();
    await rm(site.dir, { recursive: true, force: true });
  });
  const env = { FLOORMESH_SITE: site.folder('gateway') };
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, out, err } = await floormeshHere([...args, '--json'], { env });
    if (code !== 0) throw new Error(`${args.join(' ')}: ${err}\n${await site.log('gateway')}`);
    return JSON.parse(out) as T;
  };
  await startSite(site);
  await until('both nodes have proven their runtime', async () => {
    const nodes = await json<NodeView[]>('nodes', 'ls');
    return nodes.filter(({ hardwareClass }) => typeof hardwareClass === 'string').length === NAMES.length;
  });

  await json('deploy', APP);
  const { code, err } = await floormeshHere(['rollout', 'watch'], { env });
  t.is(code, 0, err);

  const reports = new Map<Name, RebuildReport>();
  for (const name of NAMES) {
    const { hardwareClass, deployments } = await json<Explanation>('explain', name);
    const report = deployments[0]?.models['textures']?.report;
    if (!report) throw new Error(`there is no report for ${name}`);
    reports.set(name, report);
    t.is(report.hardwareClass, hardwareClass ?? '');
    t.true(report.hardwareClass.includes(RUNTIMES[name]), report.hardwareClass);
    // Both nodes of a class measure what one of them gets, and what they saw is one report.
    const measured = report.measuredBy.split(' and ').toSorted();
    t.deepEqual(measured, name === 'sandboxed' ? ['sandboxed'] : ['native', 'twin']);
    t.false(report.predicted);
    const built = report.candidates.filter(({ build }) => build !== undefined);
    t.deepEqual([...new Set(built.map(({ recipe }) => recipe))], TEXTURE_RECIPES);
    for (const recipe of TEXTURE_RECIPES)
      t.true(
        built.some((candidate) => candidate.recipe === recipe && (candidate.measurement?.runs ?? 0) > 0),
      );
    const { original = 0, build = 0 } = chosenOf(report).accuracy ?? {};
    t.true(build > 0.9 && original - build <= MAX_DROP, `${name} has ${build} of ${original}`);
  }
  const told = JSON.stringify(
    [...reports.values()].map(({ candidates }) => candidates.map(({ verdict }) => verdict)),
  );
  const [native, twin, sandboxed] = NAMES.map((name) => reports.get(name)!);
  t.deepEqual(twin, native);
  t.is(chosenOf(native!).recipe, 'int8-static', told);
  t.not(chosenOf(sandboxed!).recipe, 'int8-static', told);
  t.not(chosenOf(sandboxed!).build?.digest, chosenOf(native!).build?.digest);

  const input = join(site.dir, 'input.bin');
  await writeFile(input, textureInput());
  const answers: number[][] = [];
  for (const name of NAMES) {
    const answer = await json<{ nodeName: string; result: number[] }>(
      'infer',
      APP,
      '--kind',
      'sound',
      '--input',
      input,
      '--node',
      name,
    );
    t.is(answer.nodeName, name);
    answers.push(answer.result);
  }
  const [one, , other] = answers.map((values) => ({
    y: float32(Float32Array.from(values), [1, values.length]),
  }));
  const cosine = scoreSample({ kind: 'cosine', output: 'y' }, one!, { inputs: {} }, other!);
  t.true(cosine > 1 - 2 * MAX_DROP, `the answers have a cosine of ${cosine}`);
  t.deepEqual(answers[0], answers[1]);
  t.notDeepEqual(answers[0], answers[2]);
});

/** A bridge with both runtimes, the model and its app; a gateway; a node of each class. */
async function startSite(site: SmallSite): Promise<void> {
  await site.initBridge();
  await site.publishRuntime();
  await publishInto(site.folder('bridge'), site.keyFile, (blobs) => packOnnxruntimeWeb(blobs));
  const [model, app] = [join(site.dir, 'textures'), join(site.dir, APP)];
  await writeTextureModel(model);
  await writeTextureApp(app);
  await site.publish(model);
  await site.publish(app);
  await site.initGateway({ trialNodes: 2 });
  await site.run('gateway');
  for (const name of NAMES) {
    await site.makeNode(name, { runtimes: [RUNTIMES[name]] });
    await site.run(name);
  }
}
