import { ModelBrokenError } from '../errors.ts';
import { capturedBy } from './graph.ts';
import type { GraphProto, NodeProto } from './types.ts';

/**
 * Orders a graph's nodes so that each comes after what it reads, itself or from inside its subgraphs, and otherwise as
 * they were: of those that could come next, the first in the file does. A graph in order stays as it is. Subgraphs are
 * not looked into: sort each of them.
 *
 * @throws {ModelBrokenError} when nodes wait for each other in a circle
 */
export function sortTopologically(graph: GraphProto): void {
  graph.node = topologicalOrder(graph);
}

/** Kahn's algorithm. @throws {ModelBrokenError} as above */
export function topologicalOrder({ node: nodes }: Pick<GraphProto, 'node'>): NodeProto[] {
  const makers = new Map(nodes.flatMap((node, index) => node.output.map((name) => [name, index] as const)));
  const followers: number[][] = nodes.map(() => []);
  const waits = nodes.map((node, index) => {
    const needs = new Set<number>();
    for (const name of [...node.input, ...capturedBy(node)]) {
      const maker = name === '' ? undefined : makers.get(name);
      if (maker !== undefined) needs.add(maker);
    }
    for (const maker of needs) followers[maker]?.push(index);
    return needs.size;
  });
  const ready = new SmallestFirst();
  for (const [index, count] of waits.entries()) if (count === 0) ready.add(index);
  const sorted: NodeProto[] = [];
  for (let index = ready.take(); index !== undefined; index = ready.take()) {
    const node = nodes[index];
    if (node !== undefined) sorted.push(node);
    for (const follower of followers[index] ?? []) {
      waits[follower] = (waits[follower] ?? 0) - 1;
      if (waits[follower] === 0) ready.add(follower);
    }
  }
  if (sorted.length === nodes.length) return sorted;
  const stuck = nodes[waits.findIndex((count) => count > 0)];
  throw new ModelBrokenError(`the graph runs in a circle, at or before ${stuck?.opType} node ${stuck?.name}`);
}

/** A binary heap of numbers. */
class SmallestFirst {
  readonly #heap: number[] = [];

  add(value: number): void {
    const heap = this.#heap;
    let at = heap.push(value) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] ?? 0) <= value) break;
      heap[at] = heap[parent] ?? 0;
      at = parent;
    }
    heap[at] = value;
  }

  take(): number | undefined {
    const heap = this.#heap;
    const smallest = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return smallest;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1] ?? Number.POSITIVE_INFINITY) < (heap[child] ?? 0)) child += 1;
      if ((heap[child] ?? 0) >= last) break;
      heap[at] = heap[child] ?? 0;
      at = child;
    }
    heap[at] = last;
    return smallest;
  }
}
