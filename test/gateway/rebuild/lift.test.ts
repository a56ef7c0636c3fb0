import test from 'ava';
import {
  decodeModel,
  encodeModel,
  liftOpset,
  makeGraph,
  makeNode,
  opsetOf,
} from '../../../gateway/rebuild/onnx/index.ts';
import { GraphWriter, noiseTensor } from '../../helpers/onnx-graphs.ts';
import { localRuntime } from '../../helpers/onnxruntime.ts';

type Write = (graph: GraphWriter) => void;

/** Models of an old operator set, by what they show: each from `x` [2, 3, 4, 4] to `y`. */
const CASES: Record<string, { opset: number; write: Write }> = {
  'Squeeze and Unsqueeze': {
    opset: 11,
    write: (g) => g.node('Squeeze', [g.node('Unsqueeze', ['x'], { axes: [0] })], { axes: [0] }, 'y'),
  },
  'ReduceSum with axes': {
    opset: 11,
    write: (g) => g.node('ReduceSum', ['x'], { axes: [1, 3], keepdims: 0 }, 'y'),
  },
  'Softmax over the last axis': { opset: 11, write: (g) => g.node('Softmax', ['x'], { axis: 3 }, 'y') },
  'Softmax over everything from axis 1': { opset: 9, write: (g) => g.node('Softmax', ['x'], {}, 'y') },
  'LogSoftmax from axis 2': { opset: 11, write: (g) => g.node('LogSoftmax', ['x'], { axis: 2 }, 'y') },
  'Clip with attributes': {
    opset: 7,
    write: (g) => g.node('Clip', ['x'], { min: { float: -0.2 }, max: { float: 0.4 } }, 'y'),
  },
  'Clip with an upper bound only': {
    opset: 9,
    write: (g) => g.node('Clip', ['x'], { max: { float: 0.1 } }, 'y'),
  },
  Dropout: {
    opset: 10,
    write: (g) => g.node('Dropout', [g.node('Relu', ['x'])], { ratio: { float: 0.4 } }, 'y'),
  },
  'Pad with a value': {
    opset: 9,
    write: (g) => g.node('Pad', ['x'], { pads: [0, 0, 1, 2, 0, 0, 2, 1], value: { float: 0.5 } }, 'y'),
  },
  'Pad by reflection': {
    opset: 10,
    write: (g) => g.node('Pad', ['x'], { pads: [0, 0, 1, 1, 0, 0, 1, 1], mode: 'reflect' }, 'y'),
  },
  Slice: {
    opset: 9,
    write: (g) => g.node('Slice', ['x'], { starts: [1, -3], ends: [3, 9999], axes: [1, 3] }, 'y'),
  },
  'Slice without axes': {
    opset: 8,
    write: (g) => g.node('Slice', ['x'], { starts: [0, 1], ends: [1, 3] }, 'y'),
  },
  Split: {
    opset: 11,
    write: (g) => {
      g.nodes.push(
        makeNode({
          opType: 'Split',
          name: 'split',
          input: ['x'],
          output: ['y', 'z'],
          attributes: { axis: 3, split: [1, 3] },
        }),
      );
    },
  },
  'TopK with an attribute': {
    opset: 9,
    write: (g) => {
      g.nodes.push(
        makeNode({
          opType: 'TopK',
          name: 'topk',
          input: ['x'],
          output: ['y', 'i'],
          attributes: { k: 2, axis: -1 },
        }),
      );
    },
  },
  'Upsample with an attribute': {
    opset: 7,
    write: (g) => g.node('Upsample', ['x'], { scales: { floats: [1, 1, 2, 2] }, mode: 'nearest' }, 'y'),
  },
  'Upsample with an input': {
    opset: 9,
    write: (g) => g.node('Upsample', ['x', g.floats([1, 1, 3, 2], [4])], { mode: 'linear' }, 'y'),
  },
  'Resize of operator set 10': {
    opset: 10,
    write: (g) => g.node('Resize', ['x', g.floats([1, 1, 2, 3], [4])], { mode: 'nearest' }, 'y'),
  },
  BatchNormalization: {
    opset: 7,
    write: (g) => {
      const three = (values: number[]): string => g.floats(values, [3]);
      const parts = [three([1, 2, 3]), three([0, 0.1, 0.2]), three([0.1, 0, 0]), three([1, 2, 0.5])];
      g.node('BatchNormalization', ['x', ...parts], {}, 'y');
    },
  },
};

for (const [name, { opset, write }] of Object.entries(CASES))
  test(`${name} means the same after lifting from operator set ${opset}`, async (t) => {
    const writer = new GraphWriter();
    write(writer);
    const before = writer.model(opset, { x: [2, 3, 4, 4] }, { y: [] });
    const model = decodeModel(before);
    // Output shapes are left for the runtime to infer.
    model.graph.output.forEach((output) => (output.type = undefined));
    const source = encodeModel(model);
    liftOpset(model);
    t.is(opsetOf(model), 13);
    const input = { x: noiseTensor([2, 3, 4, 4], 5) };
    const [old, lifted] = [await run(source, input), await run(encodeModel(model), input)];
    t.deepEqual(lifted.y, old.y);
  });

test('a softmax whose rank is known becomes one node', (t) => {
  const writer = new GraphWriter();
  writer.node('Softmax', ['x'], { axis: 1 }, 'y');
  const model = decodeModel(writer.model(11, { x: [2, 5] }, { y: [2, 5] }));
  liftOpset(model, (name) => (name === 'x' ? 2 : undefined));
  t.deepEqual(
    model.graph.node.map(({ opType }) => opType),
    ['Softmax'],
  );
});

test('nodes inside a branch are lifted too', (t) => {
  const squeeze = makeNode({
    opType: 'Squeeze',
    name: 's',
    input: ['x'],
    output: ['z'],
    attributes: { axes: [0] },
  });
  const writer = new GraphWriter();
  writer.node('If', ['c'], { then_branch: { graph: makeGraph({ name: 'then', node: [squeeze] }) } }, 'y');
  const model = decodeModel(writer.model(11, { x: [1, 4] }, { y: [4] }));
  liftOpset(model);
  const branch = model.graph.node[0]?.attribute[0]?.g;
  t.is(branch?.node[0]?.input.length, 2);
  t.is(branch?.initializer.length, 1);
});

test('what cannot be lifted is refused with the names of operator and node', (t) => {
  const refused: [Write, number, RegExp][] = [
    [(g) => g.node('Crop', ['x'], {}, 'y'), 9, /Crop node Crop_0/],
    [(g) => g.node('Scan', ['x'], {}, 'y'), 8, /Scan node Scan_0/],
    [(g) => g.node('BatchNormalization', ['x'], { spatial: 0 }, 'y'), 8, /BatchNormalization node/],
    [(g) => g.node('Relu', ['x'], {}, 'y'), 6, /operator set 6/],
  ];
  for (const [write, opset, message] of refused) {
    const writer = new GraphWriter();
    write(writer);
    const model = decodeModel(writer.model(opset, { x: [1] }, { y: [1] }));
    t.throws(() => liftOpset(model), { code: 'ERR_OPSET_LIFT', message });
  }
});

test('a model of operator set 13 or newer stays as it is', (t) => {
  const writer = new GraphWriter();
  writer.node('Relu', ['x'], {}, 'y');
  const bytes = writer.model(17, { x: [1] }, { y: [1] });
  const model = decodeModel(bytes);
  liftOpset(model);
  t.deepEqual(encodeModel(model), bytes);
});

async function run(
  model: Uint8Array,
  inputs: Parameters<Awaited<ReturnType<typeof localRuntime.open>>['run']>[0],
) {
  const session = await localRuntime.open(model);
  try {
    return await session.run(inputs);
  } finally {
    await session.close();
  }
}
