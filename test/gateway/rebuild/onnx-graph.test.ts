import test from 'ava';
import {
  dropUnused,
  float32Tensor,
  GraphView,
  type GraphProto,
  makeGraph,
  makeNode,
  makeOutput,
  makeTensor,
  NameBook,
  type NodeProto,
  type Reader,
  Scopes,
  sortTopologically,
} from '../../../gateway/rebuild/onnx/index.ts';

const node = (name: string, input: string[], output = [name], body?: GraphProto): NodeProto =>
  makeNode({
    opType: body === undefined ? 'Sum' : 'Loop',
    name: `${name}-node`,
    input,
    output,
    ...(body && { attributes: { body: { graph: body } } }),
  });
const graphOf = (nodes: NodeProto[], outputs: string[], fields: Partial<GraphProto> = {}): GraphProto =>
  makeGraph({ name: 'g', node: nodes, output: outputs.map(makeOutput), ...fields });
const names = (graph: GraphProto): string[] => graph.node.map(({ output }) => output[0] ?? '');
const shown = (readers: readonly Reader[]): string[] =>
  readers.map((reader) =>
    'node' in reader ? `${reader.node.output[0]}:${reader.index}` : `output ${reader.output}`,
  );

test('a graph in order stays as it is, however its branches lie', (t) => {
  const graph = graphOf(
    [node('a', ['x']), node('b', ['x']), node('c', ['a']), node('d', ['x']), node('e', ['b'])],
    ['e'],
  );
  const before = names(graph);
  sortTopologically(graph);
  t.deepEqual(names(graph), before);
});

test('a graph in any order is sorted, the same whatever the order was among those that are free', (t) => {
  const nodes = [
    node('a', ['x']),
    node('b', ['a']),
    node('c', ['b', 'a']),
    node('d', ['c']),
    node('e', ['d', 'a']),
  ];
  for (let turn = 0; turn < 5; turn += 1) {
    const graph = graphOf([...nodes.slice(turn), ...nodes.slice(0, turn)].reverse(), ['e']);
    sortTopologically(graph);
    t.deepEqual(names(graph), ['a', 'b', 'c', 'd', 'e']);
  }
});

test('what a body in a body reads is waited for, what it makes itself is not', (t) => {
  const inner = graphOf([node('q', ['late', 'own'])], ['q']);
  const body = graphOf([node('own', ['x']), node('p', [], ['p'], inner)], ['p']);
  const graph = graphOf([node('l', ['x'], ['l'], body), node('own', ['l']), node('late', ['x'])], ['own']);
  sortTopologically(graph);
  t.deepEqual(names(graph), ['late', 'l', 'own']);
});

test('long chains are sorted and thinned out in time that grows with their length', (t) => {
  const chain = Array.from({ length: 30_000 }, (_, i) => node(`v${i}`, [i === 0 ? 'x' : `v${i - 1}`]));
  const graph = graphOf([...chain].reverse(), ['v3']);
  sortTopologically(graph);
  t.is(graph.node[29_999]?.name, 'v29999-node');
  dropUnused(graph);
  t.deepEqual(names(graph), ['v0', 'v1', 'v2', 'v3']);
});

test('dropping what is unused keeps what a body reads, and a node of which one output is read', (t) => {
  const body = graphOf([node('inner', ['deep'])], ['inner']);
  const graph = graphOf(
    [
      node('deep', ['w']),
      node('dead', ['gone']),
      node('deader', ['dead', 'also']),
      node('two', ['x'], ['', 'second']),
      node('loop', ['second'], ['loop'], body),
    ],
    ['loop', 'kept'],
    {
      initializer: ['w', 'gone', 'also', 'kept'].map((name) => float32Tensor(name, [1], [])),
      valueInfo: ['deep', 'dead'].map(makeOutput),
    },
  );
  dropUnused(graph);
  t.deepEqual(
    graph.node.map(({ name }) => name),
    ['deep-node', 'two-node', 'loop-node'],
  );
  t.deepEqual(
    graph.initializer.map(({ name }) => name),
    ['w', 'kept'],
  );
  t.deepEqual(
    graph.valueInfo.map(({ name }) => name),
    ['deep'],
  );
});

test('a name that is handed out is nowhere else: not in a body, not among inputs, constants, nodes or what was handed out', (t) => {
  const values = makeTensor({ name: 'sparse' });
  const body = graphOf([node('inner', ['x'])], ['out'], {
    input: [makeOutput('given')],
    initializer: [float32Tensor('weights', [1], [])],
  });
  Object.assign(body, { sparseInitializer: [{ ...makeTensor({}), values }] });
  const book = new NameBook(graphOf([node('loop', ['x'], ['loop'], body)], ['loop']));
  for (const taken of ['inner', 'inner-node', 'out', 'given', 'weights', 'sparse', 'loop', 'loop-node'])
    t.is(book.take(taken), `${taken}_1`);
  t.is(book.take('fresh'), 'fresh');
  t.is(book.take('fresh'), 'fresh_1');
  t.is(book.take('fresh_2'), 'fresh_2');
  t.is(book.take('fresh'), 'fresh_3');
});

test('readers are found in all bodies that see a value, and not where an inner name hides it', (t) => {
  const hiding = graphOf([node('w', ['x']), node('h', ['w'])], ['h']);
  const deep = graphOf([node('d', ['w', 'w'])], ['w']);
  const body = graphOf([node('b', ['w']), node('m', [], ['m'], deep)], ['b']);
  const graph = graphOf(
    [node('a', ['x', 'w']), node('l', [], ['l'], body), node('k', [], ['k'], hiding)],
    ['w'],
    { initializer: [float32Tensor('w', [1], [])] },
  );
  const scopes = new Scopes(graph);
  t.deepEqual(shown(scopes.readers(graph, 'w')), ['a:1', 'b:0', 'd:0', 'd:1', 'output 0', 'output 0']);
  t.deepEqual(shown(scopes.readers(hiding, 'w')), ['h:0']);
  t.deepEqual(scopes.readers(graph, 'nothing'), []);
  t.is(scopes.owner(deep)?.node.name, 'm-node');
  t.is(scopes.owner(deep)?.graph, body);
  t.is(scopes.owner(graph), undefined);
});

test('a view does not take a value for a node’s own that a body or an output reads as well', (t) => {
  const body = graphOf([node('inner', ['a'])], ['inner']);
  const twice = new GraphView(
    graphOf([node('a', ['x']), node('b', ['a']), node('l', ['x'], ['l'], body)], ['b', 'l']),
  );
  t.is(twice.onlyConsumer('a'), undefined);
  const inside = new GraphView(graphOf([node('a', ['x']), node('l', ['x'], ['l'], body)], ['l']));
  t.is(inside.onlyConsumer('a'), undefined);
  const given = new GraphView(graphOf([node('a', ['x']), node('b', ['a'])], ['b', 'a']));
  t.is(given.onlyConsumer('a'), undefined);
  const own = new GraphView(graphOf([node('a', ['x']), node('b', ['a'])], ['b']));
  t.is(own.onlyConsumer('a')?.name, 'b-node');
});
