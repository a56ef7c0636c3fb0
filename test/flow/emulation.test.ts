import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parse, stringify } from 'yaml';
import { demoSounds } from '../../apps/make/index.ts';
import { canEmulate, emulatorWrapper } from '../../cli/demo/emulation.ts';
import { type DemoNode, EMULATED_NODES } from '../../cli/demo/plan.ts';
import type { Explanation, LoggedEvent, NodeView } from '../../gateway/index.ts';
import { floormeshHere } from '../helpers/cli-run.ts';
import { newFolder, SmallSite } from '../helpers/small-site.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const HASWELL = EMULATED_NODES.find(({ emulate }) => emulate?.arch === 'x64')?.emulate;
/** Each build costs an emulated machine its time: these two are enough to choose from. */
const RECIPES = ['original', 'int8-static'];
const NODE = 'panel';
// Asked before the first test is declared: AVA takes no more of them a moment later.
const emulates = HASWELL !== undefined && (await canEmulate(HASWELL));

test('without the emulator there is no emulated machine, and the error says what to install', async (t) => {
  const nothing: DemoNode['emulate'] & object = { command: 'qemu-of-no-machine', args: [], arch: 'x64' };
  t.false(await canEmulate(nothing));
  const error = await t.throwsAsync(emulatorWrapper(await temporaryFolder(t), nothing), {
    code: 'ERR_EMULATOR_MISSING',
  });
  t.regex(String((error as Error & { hint?: string }).hint), /qemu-user/);
});

// Where qemu is not installed there is nothing to run this on.
if (HASWELL !== undefined && emulates)
  test('an emulated AVX2 machine joins, measures its builds, and hears a shot', async (t) => {
    const site = new SmallSite(await newFolder());
    t.teardown(async () => {
      await site.stop();
      await rm(site.dir, { recursive: true, force: true });
    });
    const env = { FLOORMESH_SITE: site.folder('gateway') };
    const json = async <T>(...args: string[]): Promise<T> => {
      const { code, out, err } = await floormeshHere([...args, '--json'], { env });
      if (code !== 0) throw new Error(`${args.join(' ')}: ${err}\n${await site.log(NODE)}`);
      return JSON.parse(out) as T;
    };
    await site.prepare();
    await publishFewRecipes(site);
    await site.initGateway();
    await site.run('gateway');
    await site.makeNode(NODE, { execPath: await emulatorWrapper(site.dir, HASWELL) });
    await site.run(NODE);

    const nodes = (): Promise<NodeView[]> => json<NodeView[]>('nodes', 'ls');
    await until(
      'the node has proven its runtime',
      async () => typeof (await nodes())[0]?.hardwareClass === 'string',
    );
    const [node] = await nodes();
    t.regex(node?.hardwareClass ?? '', /^linux-x64-glibc-avx2-.*-onnxruntime-node-/);
    t.is(node?.configuration.cpu.vendor, 'emulated');
    t.false(node?.configuration.cpu.features.some((feature) => /vnni|avx512|amx/.test(feature)));

    await json('deploy', 'impulse-alert', '--action', 'publish=note');
    const { code, err } = await floormeshHere(['rollout', 'watch'], { env });
    t.is(code, 0, err);
    const explanation = await json<Explanation>('explain', NODE);
    const built = explanation.deployments[0]?.models['impulse'];
    t.is(built?.report?.measuredBy, NODE);
    t.is(built?.report?.hardwareClass, node?.hardwareClass ?? '');
    const chosen = built?.report?.candidates.find(({ recipe }) => recipe === built.recipe);
    t.true((chosen?.measurement?.runs ?? 0) > 0);
    for (const { recipe, problem } of built?.report?.candidates ?? [])
      if (RECIPES.includes(recipe)) t.is(problem, undefined);

    const shot = (await demoSounds()).find(({ impulsive }) => impulsive);
    await writeFile(join(site.folder(NODE), 'sounds', 'shot.wav'), shot?.wav ?? '');
    const alarms = async (): Promise<LoggedEvent[]> => {
      const { out } = await floormeshHere(['events', '--type', 'alarm', '--json'], { env });
      return out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as LoggedEvent]));
    };
    await until('the alarm is raised', async () => (await alarms()).length > 0);
    const [alarm] = await alarms();
    t.is(alarm?.nodeName, NODE);
    t.regex(alarm?.message ?? '', /^shot or explosion .* into .*shot\.wav$/);
  });

/** A newer version of the impulse model that allows fewer recipes. */
async function publishFewRecipes(site: SmallSite): Promise<void> {
  const folder = join(site.dir, 'models', 'impulse');
  const file = join(folder, 'model.yaml');
  const card = parse(await readFile(file, 'utf8')) as { rebuild: object };
  const rebuild = { ...card.rebuild, allow: RECIPES };
  await writeFile(file, stringify({ ...card, version: '1.1.0', rebuild }));
  await site.publish(folder);
}
