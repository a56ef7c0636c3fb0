import type { Sample } from '../../../../core/index.ts';
import { decodeModel, GraphView, isStandard } from '../../onnx/index.ts';
import type { BuiltModel, RecipeContext } from '../recipe.ts';
import { Judge } from '../static/agreement.ts';
import { effortFor, macsOf, sizesOf } from '../static/effort.ts';
import { excludeWorst } from '../static/sensitivity.ts';
import { type Choice, type Trial, Trials } from '../static/trials.ts';

/** A model of nothing but subgraphs has no products that can be counted from outside. */
const LEAST_MACS = 1e6;
/** The share of the file that storing the rest as float16 must save. */
const LEAST_SAVING = 0.05;
/** The share of the allowed loss that is aimed at: other data than these samples may lose a little more. */
const AIM_SHARE = 0.75;
/** Nodes that are named one by one. */
const NAMED = 8;

/** One way to quantise a model. */
export interface Way {
  /** Names of nodes that keep more precision. */
  leave: ReadonlySet<string>;
  /** Whether what is left in fp32 is stored as float16. */
  half: boolean;
}

export interface Written {
  bytes: Uint8Array;
  /** Bytes that float16 saved. */
  saved: number;
}

export interface LeaveOutInput {
  /** The model in fp32. */
  prepared: Uint8Array;
  /** Names of the nodes that may be quantised, in the order of the graph. */
  nodes: readonly string[];
  write: (way: Way) => Written;
  /** What a node is in that was quantised, and one that was left: `8 bits`, `fp32`. */
  words: { done: string; left: string };
  context: RecipeContext;
}

/**
 * Quantises everything, and where that costs too much by the calibration samples, leaves more precision to what does
 * the harm. Without samples everything is quantised.
 */
export async function leaveOut(input: LeaveOutInput): Promise<BuiltModel> {
  const { prepared, nodes, write, words, context } = input;
  const { card, calibration, runtime, signal, options } = context;
  const aim = (options.maxDrop ?? card.maxDrop) * AIM_SHARE;
  const samples = calibration?.samples ?? [];
  const [first] = samples;
  if (first === undefined) {
    const leave = new Set<string>();
    const model = halved(write, leave) ?? write({ leave, half: false }).bytes;
    return { model, notes: ['without calibration data nothing was compared'] };
  }
  const effort = effortFor(await macsIn(prepared, first, context), samples);
  const judge = await Judge.of(prepared, { metric: card.metric, samples: effort.judged, runtime, signal });
  const trials = new Trials({
    write: ({ leave }) => write({ leave, half: false }).bytes,
    judge,
    maxDrop: aim,
    evaluations: effort.evaluations,
    signal,
  });
  const choice: Choice = { limits: 'full', leave: new Set(), correctBias: false, equalised: false };
  let best = await trials.judge(choice);
  if (!best.good && nodes.length > 1) {
    const found = await excludeWorst(trials, { nodes, weighted: new Set(nodes), choice });
    if (found !== undefined) best = trials.better(found, best);
  }
  const smaller = halved(write, best.choice.leave);
  if (smaller !== undefined) {
    const trial = await trials.judgeBytes(best.choice, smaller);
    if (trial.good || !best.good) best = trial;
  }
  return { model: best.bytes, notes: notesOn(best, nodes, words, aim) };
}

/** The model with the rest in float16, where that saves enough. */
function halved(write: LeaveOutInput['write'], leave: ReadonlySet<string>): Uint8Array | undefined {
  const { bytes, saved } = write({ leave, half: true });
  return saved >= LEAST_SAVING * (bytes.byteLength + saved) ? bytes : undefined;
}

async function macsIn(
  prepared: Uint8Array,
  sample: Sample,
  { runtime }: Pick<RecipeContext, 'runtime'>,
): Promise<number> {
  const model = decodeModel(prepared);
  const view = new GraphView(model.graph);
  const weighted = model.graph.node.filter(
    (node) =>
      (isStandard(node, 'Conv', 'Gemm', 'MatMul') || node.opType === 'Attention') &&
      view.constant(node.input[1]) !== undefined,
  );
  const outputs = weighted.map((node) => node.output[0] ?? '');
  const sizes = await sizesOf(model, outputs, sample, runtime);
  return weighted.reduce((sum, node) => sum + macsOf(view, node, sizes), LEAST_MACS);
}

function notesOn(
  { choice, agreement, good }: Trial,
  nodes: readonly string[],
  words: LeaveOutInput['words'],
  aim: number,
): string[] {
  const left = nodes.filter((name) => choice.leave.has(name));
  const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
  return [
    `${nodes.length - left.length} of ${nodes.length} nodes in ${words.done}`,
    ...(left.length === 0 ? [] : [`left in ${words.left}: ${left.slice(0, NAMED).join(', ')}${more}`]),
    `drop ${agreement.drop.toFixed(4)} on the calibration samples, which is ${good ? 'within' : 'beyond'} the ${aim.toFixed(4)} that were aimed at`,
  ];
}
