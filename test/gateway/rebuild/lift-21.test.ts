import test from 'ava';
import { type Tensors } from '../../../core/index.ts';
import {
  allGraphs,
  checkModel,
  decodeModel,
  encodeModel,
  liftOpset,
  makeGraph,
  makeNode,
  makeOutput,
  type ModelProto,
  opsetOf,
} from '../../../gateway/rebuild/onnx/index.ts';
import { conformanceCase, conformanceModels, hasConformanceModels } from '../../helpers/onnx-conformance.ts';
import { runOnce } from '../../helpers/loaded-runtimes.ts';
import { GraphWriter, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { localRuntime } from '../../helpers/onnxruntime.ts';
import { ocrModel } from '../../helpers/rebuild-samples.ts';

const NEWEST = 21;
/** Models that must be lifted and answer as before. */
const FEWEST_LIFTED = 830;
/** What is known not to be lifted: models with anything else in them fail the test. */
const REFUSED: Record<string, RegExp> = {
  'operator set 6 and older': /the oldest that can be lifted is 7/,
  'Scan before 9': /Scan node .* reordered/,
  Resize: /tf_half_pixel_for_nn/,
};

type Write = (graph: GraphWriter) => void;

/** Models of an older operator set, by what they show: each from `x` [2, 4, 4, 4] to `y`. */
const CASES: Record<string, { opset: number; write: Write }> = {
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((what) => [
      `Reduce${what}`,
      {
        opset: 13,
        write: (g: GraphWriter) =>
          g.node(`Reduce${what}`, [g.node('Exp', ['x'])], { axes: [-1, 1], keepdims: 0 }, 'y'),
      },
    ]),
  ),
  'ReduceMean over everything': { opset: 11, write: (g) => g.node('ReduceMean', ['x'], {}, 'y') },
  'Split into equal parts': {
    opset: 13,
    write: (g) =>
      void g.nodes.push(
        makeNode({ opType: 'Split', name: 's', input: ['x'], output: ['z', 'y'], attributes: { axis: 2 } }),
      ),
  },
  'Split by an attribute, through all sets': {
    opset: 11,
    write: (g) =>
      void g.nodes.push(
        makeNode({
          opType: 'Split',
          name: 's',
          input: ['x'],
          output: ['z', 'y'],
          attributes: { axis: 2, split: [1, 3] },
        }),
      ),
  },
  'Resize to a size': {
    opset: 11,
    write: (g) =>
      g.node(
        'Resize',
        ['x', g.floats([], [0]), g.floats([], [0]), g.ints([2, 4, 7, 6])],
        { mode: 'linear' },
        'y',
      ),
  },
  'Upsample, through all sets': {
    opset: 9,
    write: (g) => g.node('Upsample', ['x', g.floats([1, 1, 2, 2], [4])], { mode: 'nearest' }, 'y'),
  },
  RoiAlign: {
    opset: 13,
    write: (g) => {
      const rois = g.floats([0, 0, 2.5, 2.5, 1, 0.5, 3, 3], [2, 4]);
      g.node('RoiAlign', ['x', rois, g.ints([0, 1])], { output_height: 2, output_width: 2 }, 'y');
    },
  },
  GridSample: {
    opset: 16,
    write: (g) => {
      const grid = g.floats(noiseTensor([2, 3, 3, 2], 8).data as Float32Array, [2, 3, 3, 2]);
      g.node('GridSample', ['x', grid], { mode: 'bicubic' }, 'y');
    },
  },
  'GridSample as it is without a mode': {
    opset: 16,
    write: (g) => {
      const grid = g.floats(noiseTensor([2, 3, 3, 2], 8).data as Float32Array, [2, 3, 3, 2]);
      g.node('GridSample', ['x', grid], {}, 'y');
    },
  },
  DFT: {
    opset: 17,
    write: (g) => g.node('DFT', [g.node('Unsqueeze', ['x', g.ints([-1])])], { axis: 2 }, 'y'),
  },
  'DFT along its old default': {
    opset: 17,
    write: (g) => g.node('DFT', [g.node('Unsqueeze', ['x', g.ints([-1])])], {}, 'y'),
  },
  GroupNormalization: {
    opset: 18,
    write: (g) =>
      g.node(
        'GroupNormalization',
        ['x', g.floats([1, 3], [2]), g.floats([0.5, -2], [2])],
        { num_groups: 2 },
        'y',
      ),
  },
  BatchNormalization: {
    opset: 9,
    write: (g) => {
      const four = (values: number[]): string => g.floats(values, [4]);
      const parts = [four([1, 2, 3, 4]), four([0, 0.1, 0.2, 0]), four([0.1, 0, 0, 1]), four([1, 2, 0.5, 3])];
      g.node('BatchNormalization', ['x', ...parts], {}, 'y');
    },
  },
  ...Object.fromEntries(
    [0, 1].flatMap((ceil) =>
      [0, 1].map((include) => [
        `AveragePool, ceil_mode ${ceil}, count_include_pad ${include}`,
        {
          opset: 11,
          write: (g: GraphWriter) =>
            g.node(
              'AveragePool',
              ['x'],
              {
                kernel_shape: [3, 3],
                strides: [2, 2],
                pads: [1, 0, 0, 1],
                ceil_mode: ceil,
                count_include_pad: include,
              },
              'y',
            ),
        },
      ]),
    ),
  ),
};

for (const [name, { opset, write }] of Object.entries(CASES))
  test(`${name} means the same after lifting from operator set ${opset} to ${NEWEST}`, async (t) => {
    const writer = new GraphWriter();
    write(writer);
    const model = untyped(decodeModel(writer.model(opset, { x: [2, 4, 4, 4] }, { y: [] })));
    const source = encodeModel(model);
    liftOpset(model, undefined, NEWEST);
    t.is(opsetOf(model), NEWEST);
    t.is(model.irVersion, 10n);
    checkModel(model);
    const input = { x: noiseTensor([2, 4, 4, 4], 5) };
    const [old, lifted] = [
      await runOnce(localRuntime, source, input),
      await runOnce(localRuntime, encodeModel(model), input),
    ];
    t.deepEqual(lifted.y?.dims, old.y?.dims);
    t.true(distance(lifted, old) <= 1e-6, `${distance(lifted, old)}`);
  });

test('text recognition, detection and orientation give the same after lifting to every set', async (t) => {
  for (const part of ['rec', 'det', 'cls'] as const) {
    const source = ocrModel(part);
    const input = { x: noiseTensor(part === 'det' ? [1, 3, 64, 64] : [1, 3, 48, 192], 3) };
    const expected = await runOnce(localRuntime, source, input);
    for (const to of part === 'cls' ? [13, 14, 15, 16, 17, 18, 19, 20, 21] : [NEWEST]) {
      const model = decodeModel(source);
      liftOpset(model, undefined, to);
      t.is(opsetOf(model), to);
      const got = await runOnce(localRuntime, encodeModel(model), input);
      t.true(distance(got, expected) <= 1e-5, `${part} ${to}: ${distance(got, expected)}`);
    }
  }
});

test('nodes inside branches are lifted too', (t) => {
  const mean = makeNode({
    opType: 'ReduceMean',
    name: 'm',
    input: ['x'],
    output: ['z'],
    attributes: { axes: [0] },
  });
  const branch = makeGraph({ name: 'b', node: [mean], output: [makeOutput('z')] });
  const writer = new GraphWriter();
  writer.node('If', ['c'], { then_branch: { graph: branch }, else_branch: { graph: branch } }, 'y');
  const model = decodeModel(writer.model(13, { x: [1, 4] }, { y: [4] }));
  liftOpset(model, undefined, NEWEST);
  for (const inner of [...allGraphs(model.graph)].slice(1)) t.is(inner.node[0]?.input.length, 2);
});

test('what cannot be lifted is refused with the names of operator and node', (t) => {
  const refused: [Write, number, RegExp][] = [
    [
      (g) =>
        g.node(
          'Resize',
          ['x', '', '', g.ints([1])],
          { coordinate_transformation_mode: 'tf_half_pixel_for_nn' },
          'y',
        ),
      11,
      /Resize node Resize_0/,
    ],
    [
      (g) =>
        void g.nodes.push(
          makeNode({
            opType: 'BatchNormalization',
            name: 'bn',
            input: ['x', 'x', 'x', 'x', 'x'],
            output: ['v', 'y'],
          }),
        ),
      13,
      /BatchNormalization node bn/,
    ],
  ];
  for (const [write, opset, message] of refused) {
    const writer = new GraphWriter();
    write(writer);
    const model = decodeModel(writer.model(opset, { x: [1] }, { y: [1] }));
    t.throws(() => liftOpset(model, undefined, NEWEST), { code: 'ERR_OPSET_LIFT', message });
  }
  const model = decodeModel(ocrModel('cls'));
  t.throws(() => liftOpset(model, undefined, 22), { instanceOf: TypeError });
});

(hasConformanceModels() ? test : test.skip)(
  'the conformance models answer as before after lifting',
  async (t) => {
    let lifted = 0;
    const refused = new Map<string, number>();
    const left = new Map<string, number>();
    for (const each of await conformanceModels()) {
      const found = await conformanceCase(each);
      const model = decodeModel(each.bytes);
      const from = opsetOf(model) ?? NEWEST;
      const skip = typeof found === 'string' ? found : from >= NEWEST ? 'no old standard set' : undefined;
      if (skip !== undefined || typeof found === 'string') {
        left.set(skip ?? '', (left.get(skip ?? '') ?? 0) + 1);
        continue;
      }
      const before = await runOnce(localRuntime, found.model, found.inputs).catch(() => undefined);
      const differs = before === undefined || distance(before, found.outputs) > 1e-3;
      if (differs) {
        left.set(
          'the runtime does not answer as it should',
          (left.get('the runtime does not answer as it should') ?? 0) + 1,
        );
        continue;
      }
      try {
        liftOpset(model, undefined, NEWEST);
      } catch (error) {
        const message = (error as Error).message;
        const known = Object.entries(REFUSED).find(([, pattern]) => pattern.test(message));
        if (known === undefined) t.fail(`${each.name}: ${message}`);
        else refused.set(known[0], (refused.get(known[0]) ?? 0) + 1);
        continue;
      }
      const after = await runOnce(localRuntime, encodeModel(untyped(model)), found.inputs).catch(
        (error: Error) => error,
      );
      if (after instanceof Error) t.fail(`${each.name} of set ${from}: ${after.message}`);
      else if (distance(after, before) > 1e-5)
        t.fail(`${each.name} of set ${from} is off by ${distance(after, before)}`);
      else lifted += 1;
    }
    t.log(
      `${lifted} lifted; refused: ${JSON.stringify([...refused])}; left out: ${JSON.stringify([...left])}`,
    );
    t.true(lifted >= FEWEST_LIFTED);
  },
);

/** Leaves the types of outputs for the runtime to infer. */
function untyped(model: ModelProto): ModelProto {
  model.graph.output.forEach((output) => (output.type = undefined));
  return model;
}

/** The largest difference, as a share of the largest value. */
function distance(a: Tensors, b: Tensors): number {
  let [largest, peak] = [0, 1e-30];
  for (const [name, { data }] of Object.entries(b)) {
    const other = a[name]?.data;
    if (other?.length !== data.length) return Number.POSITIVE_INFINITY;
    for (let i = 0; i < data.length; i += 1) {
      const [left, right] = [Number(other[i]), Number(data[i])];
      if (Object.is(left, right) || (Number.isNaN(left) && Number.isNaN(right))) continue;
      largest = Math.max(largest, Math.abs(left - right));
      if (Number.isFinite(right)) peak = Math.max(peak, Math.abs(right));
    }
  }
  return largest / peak;
}
