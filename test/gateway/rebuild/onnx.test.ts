import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  allGraphs,
  ATTRIBUTE_TYPE,
  attributeOf,
  DATA_TYPE,
  decodeModel,
  dropUnused,
  encodeModel,
  float32Tensor,
  GraphView,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
  NameBook,
  opsetOf,
  readTensor,
  sortTopologically,
  subgraphsOf,
  writeTensor,
} from '../../../gateway/rebuild/onnx/index.ts';
import { noiseTensor } from '../../helpers/onnx-graphs.ts';
import { localRuntime } from '../../helpers/onnxruntime.ts';
import { ocrModel } from '../../helpers/rebuild-samples.ts';

const NOT_ONNX = { code: 'ERR_MODEL_NOT_ONNX' };

/** One Relu, from `x` to `y`. */
function smallModel(): ReturnType<typeof makeModel> {
  const relu = makeNode({ opType: 'Relu', name: 'relu', input: ['x'], output: ['y'] });
  const value = (name: string): ReturnType<typeof makeValueInfo> =>
    makeValueInfo(name, DATA_TYPE.float32, ['n', 4]);
  const graph = makeGraph({ name: 'g', node: [relu], input: [value('x')], output: [value('y')] });
  return makeModel(graph, { '': 13 });
}

test('a real model comes back with the same results, and with the same bytes from the second pass on', async (t) => {
  const source = ocrModel('cls');
  const once = encodeModel(decodeModel(source));
  const twice = encodeModel(decodeModel(once));
  t.deepEqual(Buffer.compare(once, twice), 0);
  const input = { x: noiseTensor([1, 3, 48, 192], 3) };
  const results = [];
  for (const model of [source, once]) {
    const session = await localRuntime.open(model);
    results.push(Object.values(await session.run(input))[0]);
    await session.close();
  }
  t.deepEqual(results[0], results[1]);
});

test('fields that are not known here survive, at the top and inside', (t) => {
  // Field 777, wire type 2, four bytes: 777 << 3 | 2 as a varint, then the length.
  const unknown = Uint8Array.of(0xca, 0x30, 4, 1, 2, 3, 4);
  const bytes = encodeModel(smallModel());
  const extended = Buffer.concat([bytes, unknown]);
  t.true(Buffer.from(encodeModel(decodeModel(extended))).includes(Buffer.from(unknown)));
  const model = decodeModel(extended);
  model.graph.node[0]!.name = 'renamed';
  const again = decodeModel(encodeModel(model));
  t.is(again.graph.node[0]?.name, 'renamed');
  t.true(Buffer.from(encodeModel(again)).includes(Buffer.from(unknown)));
});

test('an element type from tomorrow is kept as the number that it is', (t) => {
  const model = smallModel();
  model.graph.initializer.push(
    makeTensor({ name: 'w', dims: [1n], dataType: 99, rawData: Uint8Array.of(7) }),
  );
  const [tensor] = decodeModel(encodeModel(model)).graph.initializer;
  t.is(tensor?.dataType, 99);
  t.throws(() => readTensor(tensor!), NOT_ONNX);
});

test('a file that is cut off anywhere is refused', (t) => {
  const source = ocrModel('cls');
  for (let part = 0; part < 50; part += 1) {
    const length = Math.floor((source.length * part) / 50);
    t.throws(() => decodeModel(source.subarray(0, length)), NOT_ONNX, `${length} bytes`);
  }
  t.throws(() => decodeModel(source.subarray(0, source.length - 1)), NOT_ONNX);
});

test('what is no ONNX model is refused', (t) => {
  const text = readFileSync(join(import.meta.dirname, '../../../package.json'));
  for (const bytes of [new Uint8Array(0), text, new Uint8Array(1000).fill(0xff), new Uint8Array(1000)])
    t.throws(() => decodeModel(bytes), NOT_ONNX);
  const empty = smallModel();
  empty.graph.node = [];
  t.throws(() => decodeModel(encodeModel(empty)), { ...NOT_ONNX, message: /no nodes/ });
  const future = smallModel();
  future.irVersion = 14n;
  t.throws(() => decodeModel(encodeModel(future)), { ...NOT_ONNX, message: /IR version 14/ });
});

test('a graph nested deeper than any exporter writes is refused without a crash', (t) => {
  let graph = smallModel().graph;
  for (let depth = 0; depth < 200; depth += 1) {
    const node = makeNode({
      opType: 'If',
      name: 'if',
      input: ['c'],
      output: ['o'],
      attributes: { then_branch: { graph } },
    });
    graph = makeGraph({ name: 'g', node: [node], output: smallModel().graph.output });
  }
  t.throws(() => decodeModel(encodeModel(makeModel(graph, { '': 13 }))), { ...NOT_ONNX, message: /nested/ });
});

test('weights in another file are refused wherever they stand', (t) => {
  const outside = makeTensor({ name: 'w', dims: [4n], dataType: DATA_TYPE.float32, dataLocation: 1 });
  const atTop = smallModel();
  atTop.graph.initializer.push(outside);
  const inAttribute = smallModel();
  inAttribute.graph.node.push(
    makeNode({
      opType: 'Constant',
      name: 'constant',
      input: [],
      output: ['c'],
      attributes: { value: outside },
    }),
  );
  const inBranch = smallModel();
  const branch = makeGraph({ name: 'b', node: smallModel().graph.node, initializer: [outside] });
  inBranch.graph.node.push(
    makeNode({
      opType: 'If',
      name: 'if',
      input: ['c'],
      output: ['o'],
      attributes: { then_branch: { graph: branch } },
    }),
  );
  for (const model of [atTop, inAttribute, inBranch])
    t.throws(() => decodeModel(encodeModel(model)), { code: 'ERR_MODEL_EXTERNAL_DATA' });
});

test('values are read from whichever field a writer chose', (t) => {
  const cases = [
    { fields: { dataType: DATA_TYPE.float32, floatData: [1.5, -2] }, data: Float32Array.of(1.5, -2) },
    { fields: { dataType: DATA_TYPE.int64, int64Data: [7n, -9n] }, data: BigInt64Array.of(7n, -9n) },
    { fields: { dataType: DATA_TYPE.int8, int32Data: [-3, 4] }, data: Int8Array.of(-3, 4) },
    { fields: { dataType: DATA_TYPE.bool, int32Data: [1, 0] }, data: Uint8Array.of(1, 0) },
    { fields: { dataType: DATA_TYPE.float64, doubleData: [0.1, 2] }, data: Float64Array.of(0.1, 2) },
    {
      fields: { dataType: DATA_TYPE.uint16, rawData: Uint8Array.of(1, 1, 2, 0) },
      data: Uint16Array.of(257, 2),
    },
  ];
  for (const { fields, data } of cases)
    t.deepEqual(readTensor(makeTensor({ dims: [2n], ...fields })).data, data);
  const written = writeTensor('w', { type: 'float32', dims: [2], data: Float32Array.of(3, 4) });
  t.deepEqual(readTensor(written).data, Float32Array.of(3, 4));
});

test('a tensor whose values do not fit its shape is refused', (t) => {
  const wrong = [
    makeTensor({ name: 'w', dims: [3n], dataType: DATA_TYPE.float32, floatData: [1, 2] }),
    makeTensor({ name: 'w', dims: [3n], dataType: DATA_TYPE.float32, rawData: new Uint8Array(11) }),
    makeTensor({ name: 'w', dims: [-1n], dataType: DATA_TYPE.float32, floatData: [1] }),
    makeTensor({ name: 'w', dims: [1n << 40n], dataType: DATA_TYPE.float32, rawData: new Uint8Array(4) }),
  ];
  for (const tensor of wrong) t.throws(() => readTensor(tensor), NOT_ONNX);
});

test('attributes are made with the type that their value has', (t) => {
  const node = makeNode({
    opType: 'X',
    name: 'x',
    input: [],
    output: [],
    attributes: {
      i: 3,
      f: { float: 0.5 },
      s: 'linear',
      ints: [1, 2],
      strings: ['a', 'b'],
      t: float32Tensor('', [1], []),
    },
  });
  const types = ['i', 'f', 's', 'ints', 'strings', 't'].map((name) => attributeOf(node, name)?.type);
  const { int, float, string, ints, strings, tensor } = ATTRIBUTE_TYPE;
  t.deepEqual(types, [int, float, string, ints, strings, tensor]);
  t.is(attributeOf(node, 'none'), undefined);
});

test('nodes are sorted so that each comes after what it reads, also from inside its branches', (t) => {
  const node = (
    name: string,
    input: string[],
    graph?: ReturnType<typeof makeGraph>,
  ): ReturnType<typeof makeNode> =>
    makeNode({ opType: 'N', name, input, output: [name], ...(graph && { attributes: { body: { graph } } }) });
  const body = makeGraph({ name: 'body', node: [node('inner', ['b'])] });
  const graph = makeGraph({
    node: [node('d', ['c'], body), node('c', ['a']), node('b', ['a']), node('a', ['x'])],
  });
  sortTopologically(graph);
  t.deepEqual(
    graph.node.map(({ name }) => name),
    ['a', 'c', 'b', 'd'],
  );
  const circle = makeGraph({ node: [node('a', ['b']), node('b', ['a'])] });
  t.throws(() => sortTopologically(circle), { code: 'ERR_MODEL_BROKEN', message: /circle/ });
});

test('a view knows who makes and who reads a value, and what only a subgraph reads is in use', (t) => {
  const inner = makeNode({ opType: 'Relu', name: 'inner', input: ['w'], output: ['z'] });
  const body = makeGraph({ name: 'body', node: [inner], output: [makeValueInfo('z', DATA_TYPE.float32)] });
  const model = smallModel();
  const branch = makeNode({
    opType: 'If',
    name: 'if',
    input: ['y'],
    output: ['o'],
    attributes: { body: { graph: body } },
  });
  model.graph.node.push(branch);
  model.graph.output = [makeValueInfo('o', DATA_TYPE.float32)];
  model.graph.initializer.push(float32Tensor('w', [1], []), float32Tensor('unused', [1], []));
  const view = new GraphView(model.graph);
  t.is(view.producer('y')?.name, 'relu');
  t.is(view.onlyConsumer('y')?.name, 'if');
  t.deepEqual(
    view.uses('w').map(({ index }) => index),
    [-1],
  );
  t.is(subgraphsOf(branch).length, 1);
  t.is([...allGraphs(model.graph)].length, 2);
  dropUnused(model.graph);
  t.deepEqual(
    model.graph.initializer.map(({ name }) => name),
    ['w'],
  );
  t.is(new NameBook(model.graph).take('inner'), 'inner_1');
  t.is(opsetOf(model), 13);
  t.is(opsetOf(model, 'com.microsoft'), undefined);
});
