import fc from 'fast-check';
import type { Tensors } from '../../core/index.ts';
import {
  allGraphs,
  DATA_TYPE,
  decodeModel,
  encodeModel,
  makeValueInfo,
} from '../../gateway/rebuild/onnx/index.ts';
import { noiseTensor } from './onnx-graphs.ts';
import { MAP, RandomGraph, ROW, ROWS_OF_TABLE } from './random-graph.ts';
import { STEP_NAMES, type StepName, STEPS } from './random-steps.ts';

/** One operator, or a few that go together. `a` and `b` choose among the values so far; equal seeds share weights. */
export interface Step {
  op: StepName;
  a: number;
  b: number;
  seed: number;
}

/** A random graph in few words: short to print, and whatever is left out of it, the rest is a graph still. */
export interface GraphPlan {
  opset: number;
  /** Exporters leave names of nodes out, and some number the nodes of each branch from zero again. */
  nodeNames: 'unique' | 'missing' | 'numbered';
  /** Old exporters list weights as inputs, and some write the types of all values between. */
  listsAll: boolean;
  steps: Step[];
  /** Values between that are outputs too. */
  alsoOutputs: number[];
}

export const graphPlans: fc.Arbitrary<GraphPlan> = fc.record({
  opset: fc.constantFrom(11, 13, 17, 21),
  nodeNames: fc.constantFrom('unique', 'missing', 'numbered'),
  listsAll: fc.boolean(),
  steps: fc.array(
    fc.record({ op: fc.constantFrom(...STEP_NAMES), a: fc.nat(20), b: fc.nat(20), seed: fc.nat(3) }),
    { minLength: 1, maxLength: 10 },
  ),
  alsoOutputs: fc.array(fc.nat(20), { maxLength: 2 }),
});

/** The model of a plan. It takes a map `x`, a row `r`, a number `id` and a truth `c`, whether it reads them or not. */
export function modelOf(plan: GraphPlan): Uint8Array {
  const graph = new RandomGraph(plan.opset);
  for (const { op, a, b, seed } of plan.steps) STEPS[op](graph, { a, b, seed });
  const made = graph.made();
  const last = [made.findLast(isMap), made.findLast((name) => !isMap(name))];
  const also = plan.alsoOutputs.map((at) => made[at % made.length]);
  const outputs = new Set([...last, ...also].filter((name) => name !== undefined));
  const shape = (name: string): number[] => (isMap(name) ? MAP : ROW);
  const bytes = graph.writer.model(
    plan.opset,
    { x: MAP, r: ROW, id: [1], c: [1] },
    Object.fromEntries([...outputs].map((name) => [name, shape(name)])),
    { id: DATA_TYPE.int64, c: DATA_TYPE.bool },
  );
  const model = decodeModel(bytes);
  if (plan.nodeNames !== 'unique')
    for (const { node: nodes } of allGraphs(model.graph))
      nodes.forEach((node, i) => (node.name = plan.nodeNames === 'numbered' ? `node_${i}` : ''));
  if (plan.listsAll) {
    const inner = made.filter((name) => !outputs.has(name));
    model.graph.valueInfo = inner.map((name) => makeValueInfo(name, DATA_TYPE.float32, shape(name)));
    model.graph.input.push(
      ...model.graph.initializer.map(({ name, dataType, dims }) =>
        makeValueInfo(name, dataType, dims.map(Number)),
      ),
    );
  }
  return encodeModel(model);
}

/** Inputs for any plan's model; `c` is true in every other sample. */
export function sampleInputs(seed: number): Tensors {
  return {
    x: noiseTensor(MAP, seed),
    r: noiseTensor(ROW, seed + 100),
    id: { type: 'int64', dims: [1], data: BigInt64Array.of(BigInt(seed % ROWS_OF_TABLE)) },
    c: { type: 'bool', dims: [1], data: Uint8Array.of(seed % 2) },
  };
}

function isMap(name: string): boolean {
  return name.startsWith('map');
}
