import test from 'ava';
import {
  type AttributeProto,
  ATTRIBUTE_TYPE,
  checkModel,
  DATA_TYPE,
  decodeModel,
  encodeModel,
  float32Tensor,
  type GraphProto,
  makeAttribute,
  makeFunction,
  makeGraph,
  makeModel,
  makeNode,
  makeOutput,
  makeTensor,
  makeValueInfo,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../../../gateway/rebuild/onnx/index.ts';
import { ocrModel } from '../../helpers/rebuild-samples.ts';

const node = (opType: string, input: string[], output: string[], attributes = {}): NodeProto =>
  makeNode({ opType, name: `${opType}-node`, input, output, attributes });

/** x → Relu → h → Relu → y, with one constant beside it. */
function chain(change: (graph: GraphProto) => void = () => undefined): ModelProto {
  const graph = makeGraph({
    name: 'main',
    node: [node('Relu', ['x'], ['h']), node('Relu', ['h'], ['y'])],
    initializer: [float32Tensor('w', [1, 2], [2])],
    input: [makeValueInfo('x', DATA_TYPE.float32, [2])],
    output: [makeValueInfo('y', DATA_TYPE.float32, [2])],
  });
  change(graph);
  return makeModel(graph, { '': 17 });
}

/** An If whose branches are these graphs. */
function branches(thenGraph: GraphProto, elseGraph: GraphProto = branch(['h'])): NodeProto {
  return node('If', ['c'], ['z'], { then_branch: { graph: thenGraph }, else_branch: { graph: elseGraph } });
}

function branch(reads: string[], more: NodeProto[] = [], name = 'b'): GraphProto {
  return makeGraph({ name, node: [node('Sum', reads, ['b']), ...more], output: [makeOutput('b')] });
}

function constant(fields: Partial<TensorProto>): ModelProto {
  return chain((graph) => graph.initializer.push(makeTensor({ name: 'bad', ...fields })));
}

function withAttribute(opType: string, attribute: AttributeProto): ModelProto {
  return chain((graph) => {
    const made = node(opType, ['x'], ['q']);
    made.attribute.push(attribute);
    graph.node.push(made);
  });
}

const int = (fields: Partial<AttributeProto>): AttributeProto => Object.assign(makeAttribute('n', 1), fields);

const BROKEN: Record<string, [ModelProto, RegExp]> = {
  'a value that nothing makes': [
    chain((g) => (g.node[1]!.input = ['ghost'])),
    /Relu node "Relu-node" reads "ghost"/,
  ],
  'a missing initializer': [
    chain((g) => g.node.push(node('Add', ['x', 'weight'], ['q']))),
    /"weight", which nothing makes/,
  ],
  'an output that nothing makes': [
    chain((g) => (g.output[0]!.name = 'ghost')),
    /nothing makes "ghost", an output/,
  ],
  'a circle': [chain((g) => (g.node[0]!.input = ['y'])), /circle/],
  'a node that reads itself': [chain((g) => (g.node[0]!.input = ['h'])), /circle/],
  'a circle through a branch': [
    chain((g) => g.node.push(branches(branch(['z'])), node('Not', ['z'], ['c']))),
    /circle/,
  ],
  'a circle inside a branch': [
    chain((g) => {
      const inner = [node('Relu', ['b'], ['p']), node('Relu', ['q'], ['r']), node('Relu', ['r'], ['q'])];
      g.node.push(node('Not', ['x'], ['c']), branches(branch(['h'], inner)));
    }),
    /circle/,
  ],
  'a value that only another branch makes': [
    chain((g) => {
      const other = branch(['h'], [node('Relu', ['h'], ['own'])]);
      g.node.push(node('Not', ['x'], ['c']), branches(branch(['own']), other));
    }),
    /reads "own"/,
  ],
  'two nodes that make one value': [
    chain((g) => g.node.push(node('Relu', ['x'], ['h']))),
    /two values .* "h"/,
  ],
  'a node that makes an input': [chain((g) => g.node.push(node('Relu', ['h'], ['x']))), /two values .* "x"/],
  'a node that makes an initializer': [
    chain((g) => g.node.push(node('Relu', ['h'], ['w']))),
    /two values .* "w"/,
  ],
  'two inputs of one name': [chain((g) => g.input.push(makeValueInfo('x', 1))), /two inputs/],
  'two initializers of one name': [
    chain((g) => g.initializer.push(float32Tensor('w', [1], []))),
    /two initializers/,
  ],
  'a node without operator': [chain((g) => g.node.push(node('', ['x'], ['q']))), /no operator/],
  'too few bytes': [constant({ dims: [3n], dataType: 1, rawData: new Uint8Array(8) }), /8 bytes, .* 12/],
  'too many values': [constant({ dims: [1n], dataType: 1, floatData: [1, 2] }), /2 values/],
  'no values at all': [constant({ dims: [4n], dataType: 1 }), /0 values/],
  'values in two places': [
    constant({ dims: [1n], dataType: 1, floatData: [1], rawData: new Uint8Array(4) }),
    /twice/,
  ],
  'a negative dimension': [
    constant({ dims: [-1n, -4n], dataType: 1, floatData: [1, 2, 3, 4] }),
    /shape -1x-4/,
  ],
  'a huge shape': [constant({ dims: [1n << 62n, 1n << 62n], dataType: 1, floatData: [1] }), /shape 4611/],
  'a shape without end': [constant({ dims: Array<bigint>(200_000).fill(3n), dataType: 1 }), /shape 3x3/],
  'an element type that there is not': [
    constant({ dims: [1n], dataType: 99, rawData: new Uint8Array(4) }),
    /type 99/,
  ],
  'four-bit values in too many bytes': [
    constant({ dims: [3n], dataType: DATA_TYPE.int4, rawData: new Uint8Array(3) }),
    /3 bytes/,
  ],
  'an attribute of another type than the operator’s': [
    withAttribute('Concat', makeAttribute('axis', { float: 1 })),
    /"axis" .* float, not int/,
  ],
  'an attribute that holds another type': [
    withAttribute('X', int({ floats: [1] })),
    /says int and holds floats/,
  ],
  'an attribute of a type that there is not': [withAttribute('X', int({ type: 77 })), /type 77/],
  'a graph attribute without a graph': [
    withAttribute('X', int({ type: ATTRIBUTE_TYPE.graph, i: 0n })),
    /holds none/,
  ],
  'an attribute given twice': [
    chain((g) => g.node[0]!.attribute.push(makeAttribute('n', 1), makeAttribute('n', 2))),
    /two attributes "n"/,
  ],
  'an If with one branch': [
    chain((g) => g.node.push(node('If', ['x'], ['z'], { then_branch: { graph: branch(['h']) } }))),
    /no else_branch/,
  ],
  'a function that calls itself': [withFunctions(['F', 'G'], ['G', 'F']), /calls itself/],
  'a function that reads what it is not given': [
    withFunctions(['F', 'F'], ['Relu', 'Relu'], 'ghost'),
    /two functions|"ghost"/,
  ],
};

function withFunctions(names: string[], calls: string[], reads = 'a'): ModelProto {
  const model = chain();
  model.functions = names.map((name, i) =>
    makeFunction({
      name,
      domain: 'own',
      input: ['a'],
      output: ['r'],
      node: [makeNode({ opType: calls[i]!, name: 'n', domain: 'own', input: [reads], output: ['r'] })],
    }),
  );
  return model;
}

for (const [what, [model, message]] of Object.entries(BROKEN))
  test(`refused: ${what}`, (t) => {
    t.throws(() => checkModel(model), { code: 'ERR_MODEL_BROKEN', message });
    // The same from a file.
    t.throws(() => checkModel(decodeModel(encodeModel(model))), { code: 'ERR_MODEL_BROKEN', message });
  });

test('what is sound passes: real models, captured values, shadowed names, omitted inputs, constants as inputs', (t) => {
  for (const part of ['det', 'rec', 'cls'] as const)
    t.notThrows(() => checkModel(decodeModel(ocrModel(part))));
  const shadowing = branch(['x', 'w'], [node('Clip', ['b', '', 'w'], ['h'])]);
  t.notThrows(() =>
    checkModel(
      chain((g) => {
        g.input.push(makeValueInfo('w', DATA_TYPE.float32, [2]));
        g.node.push(node('Not', ['x'], ['c']), branches(shadowing));
      }),
    ),
  );
  const nothing = makeTensor({ name: 'empty', dims: [0n], dataType: DATA_TYPE.float32 });
  const narrow = makeTensor({ name: 'n', dims: [3n], dataType: DATA_TYPE.int4, int32Data: [0x21, 3] });
  const complex = makeTensor({
    name: 'i',
    dims: [2n],
    dataType: DATA_TYPE.complex64,
    floatData: [1, 0, 0, 1],
  });
  const text = makeTensor({
    name: 't',
    dims: [1n],
    dataType: DATA_TYPE.string,
    stringData: [new Uint8Array(2)],
  });
  t.notThrows(() => checkModel(chain((g) => g.initializer.push(nothing, narrow, complex, text))));
  t.notThrows(() => checkModel(withFunctions(['F', 'G'], ['G', 'Relu'])));
});

test('nodes that stand in another order than they run are no error', (t) => {
  t.notThrows(() => checkModel(chain((g) => g.node.reverse())));
});

test('a large graph is checked in time that grows with its size', (t) => {
  const nodes = Array.from({ length: 50_000 }, (_, i) =>
    node('Relu', [i === 0 ? 'x' : `v${i - 1}`], [`v${i}`]),
  );
  t.notThrows(() => checkModel(chain((g) => g.node.push(...nodes.reverse()))));
});
