import test, { type ExecutionContext } from 'ava';
import { errorRecord, type RecipeName, RECIPES, type Tensors } from '../../../core/index.ts';
import { decodeModel, encodeModel } from '../../../gateway/rebuild/onnx/index.ts';
import { loadNative, runOnce } from '../../helpers/loaded-runtimes.ts';
import {
  besideLayer,
  conformanceCase,
  type ConformanceCase,
  conformanceModels,
  hasConformanceModels,
  LAYER_OUTPUT,
  withConstants,
} from '../../helpers/onnx-conformance.ts';
import { buildFile } from '../../helpers/recipe-bench.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';
import { furthest } from '../../helpers/tensor-distance.ts';

/** The operator conformance models of the ONNX project, as Debian's libonnx-testdata 1.12 has them. */
const MODELS = 1072;
/** Of which the runtime answers as they say it must, with inputs and outputs that apps have tensors for. */
const FEWEST_CASES = 950;
/** How far the runtime's own answers may be from the stated ones. */
const STATED = 1e-3;
/**
 * How far a rebuilt model may be from the model, as a share of its largest value: `layer` for the dense layer that is
 * put beside every model, `rest` for the model itself, most of whose weights are too small to be worth a change. And
 * how many a recipe rewrites at least: the others are of operator sets that it does not know.
 */
const EXPECTED: Record<RecipeName, { layer: number; rest: number; rewritten: number }> = {
  original: { layer: 0, rest: 0, rewritten: 950 },
  optimize: { layer: 1e-6, rest: 1e-5, rewritten: 950 },
  'ort-format': { layer: 1e-6, rest: 1e-5, rewritten: 950 },
  fp16: { layer: 2e-3, rest: 2e-3, rewritten: 940 },
  'fp16-weights': { layer: 2e-3, rest: 2e-3, rewritten: 840 },
  'int8-weights': { layer: 0.02, rest: 0.02, rewritten: 840 },
  'int4-weights': { layer: 0.2, rest: 0.2, rewritten: 12 },
  'int8-dynamic': { layer: 0.02, rest: 0.02, rewritten: 840 },
  'int8-static': { layer: 0.02, rest: 0.02, rewritten: 100 },
};
/** Width of the layer: large enough that recipes for weights find it worth a change, but for the one with 4 bits. */
const WIDTH = 64;
const WIDTH_FOR_FOUR_BITS = 1024;
/** Recipes that take their time are given one model in so many, and the quick ones all. */
const ONE_IN: Partial<Record<RecipeName, number>> = { 'int8-static': 10, 'int4-weights': 60 };
/** But these have weights of their own for the one with calibration data. */
const OWN_WEIGHTS = /conv|gemm|matmul/;
/** Why a recipe may leave a model alone. Anything else that it throws is a fault. */
const LEFT_ALONE = ['ERR_RECIPE_NOT_APPLICABLE', 'ERR_OPSET_LIFT'];

const installed = hasConformanceModels();
const testModels = installed ? test.serial : test.serial.skip;
const runtime = await loadNative();
const cases: ConformanceCase[] = [];
/** The same with a layer of `WIDTH` beside them. */
const besides = new Map<ConformanceCase, ConformanceCase>();
const unusable = new Map<string, string[]>();

test.before(async () => {
  if (!installed) return;
  for (const model of await conformanceModels()) {
    const found = await usable(model);
    if (typeof found === 'string') note(unusable, found, model.name);
    else {
      cases.push(found);
      besides.set(found, await besideLayer(found, runtime, WIDTH));
    }
  }
});

test('the conformance models are installed wherever every test is to run', (t) => {
  if (!installed) t.log('left out: apt-get install libonnx-testdata brings the conformance models');
  t.true(installed || process.env['CI'] === undefined);
});

testModels('every model is written as the very bytes that were read', async (t) => {
  const models = await conformanceModels();
  t.true(models.length >= MODELS, `${models.length} models`);
  const changed = models.filter(({ bytes }) => Buffer.compare(encodeModel(decodeModel(bytes)), bytes) !== 0);
  t.deepEqual(namesOf(changed), []);
});

testModels(
  'the runtime runs all models but those of text, sequences, chance and operators of others',
  (t) => {
    tell(t, unusable);
    t.true(cases.length >= FEWEST_CASES, `${cases.length} models can be run`);
    t.true(cases.some(({ name }) => name.startsWith('node/test_max_float16')));
  },
);

for (const recipe of RECIPES)
  testModels(`${recipe} leaves what the models answer within its tolerance`, async (t) => {
    const expected = EXPECTED[recipe];
    const folder = await temporaryFolder(t);
    const left = new Map<string, string[]>();
    const faults: string[] = [];
    const chosen = casesFor(recipe);
    for (const one of chosen) {
      const wide = recipe === 'int4-weights' && (await besideLayer(one, runtime, WIDTH_FOR_FOUR_BITS));
      const each = wide || (besides.get(one) ?? one);
      const { code, message, ...off } = await rebuild(recipe, each, folder);
      if (code !== undefined && LEFT_ALONE.includes(code)) note(left, `${code} ${plain(message)}`, each.name);
      else if (code !== undefined) faults.push(`${each.name}: ${code} ${message}`);
      else if (off.layer > expected.layer || off.rest > expected.rest)
        faults.push(`${each.name}: the layer is off by ${off.layer}, the rest by ${off.rest}`);
    }
    t.deepEqual(faults.slice(0, 10), [], `${faults.length} faults`);
    const rewritten = chosen.length - [...left.values()].flat().length;
    t.log(`${rewritten} of ${chosen.length} models rewritten`);
    tell(t, left);
    t.true(rewritten >= expected.rewritten, `${rewritten} models rewritten`);
  });

/** The model with its weights as constants; or why there is nothing to compare with. */
async function usable(
  model: Awaited<ReturnType<typeof conformanceModels>>[number],
): Promise<ConformanceCase | string> {
  const found = await conformanceCase(model);
  if (typeof found === 'string') return found;
  try {
    const outputs = await runOnce(runtime, found.model, found.inputs);
    if (furthest(found.outputs, outputs) > STATED) return 'other results than stated: chance, or training';
    return withConstants(found) ?? found;
  } catch {
    return 'operators, or versions of operators, that the runtime has not';
  }
}

function casesFor(recipe: RecipeName): ConformanceCase[] {
  const one = ONE_IN[recipe];
  if (one === undefined) return cases;
  const always = (name: string): boolean => recipe === 'int8-static' && OWN_WEIGHTS.test(name);
  return cases.filter(({ name }, i) => i % one === 0 || always(name));
}

interface Outcome {
  code?: string;
  message: string;
  layer: number;
  rest: number;
}

async function rebuild(recipe: RecipeName, each: ConformanceCase, folder: string): Promise<Outcome> {
  const { [LAYER_OUTPUT]: layer, ...rest } = each.outputs;
  try {
    const built = await buildFile(recipe, each, { runtime, folder });
    const got: Tensors = await runOnce(runtime, built, each.inputs);
    const wanted: Tensors = layer === undefined ? {} : { [LAYER_OUTPUT]: layer };
    return { message: '', layer: furthest(wanted, got), rest: furthest(rest, got) };
  } catch (error) {
    return { ...errorRecord(error), layer: 0, rest: 0 };
  }
}

function note(groups: Map<string, string[]>, reason: string, name: string): void {
  const names = groups.get(reason);
  if (names === undefined) groups.set(reason, [name]);
  else names.push(name);
}

function tell(t: ExecutionContext, groups: ReadonlyMap<string, readonly string[]>): void {
  for (const [reason, names] of groups)
    t.log(
      `${names.length} left out, ${reason}: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`,
    );
}

/** A message without the name of the node that it is about. */
function plain(message: string): string {
  return message.replaceAll(/node \S+/g, 'node');
}

function namesOf(models: readonly { name: string }[]): string[] {
  return models.map(({ name }) => name);
}
