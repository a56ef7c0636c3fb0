import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  digestOf,
  type RuntimeHandle,
  type Session,
  type SessionOptions,
  type SessionSettings,
  type Tensors,
} from '../../core/index.ts';
import { compareGolden } from '../app-host/compare-golden.ts';
import { zeroInputs } from '../app-host/zero-inputs.ts';
import { decodeGolden } from '../golden.ts';
import { RunClock } from '../trial/run-clock.ts';
import { COPY_OPTIMIZATION, type Finalised } from './final-copy.ts';

export interface FinaliseTask {
  /** Path of the model as the package has it. */
  model: string;
  /** Path of its golden cases; there may be none. */
  golden: string;
  settings: SessionSettings;
  /** Folder that the copy is written to. */
  out: string;
  /** A copy is kept that takes at most this share of the time. */
  worthShare: number;
}

/** Only the CPU's provider leaves a graph that can be saved whole. */
const PROVIDER = 'cpu';
/** Each is opened so often, in turn; the fastest counts, since a busy machine only ever makes it slower. */
const OPENINGS = 2;
/** Opening a model takes at least about so long. */
const SHORTEST_OPEN_MS = 1;
/** Both are tried: ORT's own format loads faster where a graph has many nodes, ONNX where it has many weights. */
const FORMATS = ['onnx', 'ort'] as const;
/** Where an ORT file says what it is (its flatbuffer's identifier). */
const ORT_IDENTIFIER = { at: 4, text: 'ORTM' };

/**
 * Writes the model as the runtime optimises it for this CPU, in the format that opens faster, where that is worth it
 * and gives the very same outputs.
 *
 * @throws {ModelInvalidError} @throws {InferenceError} for a model that does not run here at all
 */
export async function finalise(runtime: RuntimeHandle, task: FinaliseTask): Promise<Finalised> {
  const source = await readFile(task.model);
  const plain = await opened(runtime, source, { ...task.settings, provider: PROVIDER });
  try {
    const { openMs } = plain;
    if (runtime.optimize === undefined)
      return { openMs, why: `${runtime.name} can't save what it optimised` };
    if (isOrtFormat(source)) return { openMs, why: 'the model is final as it is' };
    const cases = await casesOf(task.golden, plain.session);
    if (cases.length === 0) return { openMs, why: 'there are no inputs to compare the outputs by' };
    const expected = await outputsOf(plain.session, cases);
    const copies: Copy[] = [];
    for (const format of FORMATS) {
      const bytes = await runtime.optimize(source, 'all', format);
      copies.push({ file: `model.${format}`, bytes, openMs: Infinity });
    }
    return await keepBest(runtime, task, { source, openMs, cases, expected, copies });
  } finally {
    await plain.session.close();
  }
}

interface Copy {
  file: string;
  bytes: Uint8Array;
  openMs: number;
}

interface Contest {
  source: Uint8Array;
  openMs: number;
  cases: Tensors[];
  expected: Tensors[];
  copies: Copy[];
}

async function keepBest(runtime: RuntimeHandle, task: FinaliseTask, contest: Contest): Promise<Finalised> {
  const { source, cases, expected, copies } = contest;
  const own: SessionOptions = { ...task.settings, provider: PROVIDER };
  const copyOptions: SessionOptions = { ...own, optimization: COPY_OPTIMIZATION };
  let openMs = contest.openMs;
  for (let i = 0; i < OPENINGS; i += 1) {
    for (const copy of copies) {
      const { session, openMs: tookMs } = await opened(runtime, copy.bytes, copyOptions);
      copy.openMs = Math.min(copy.openMs, tookMs);
      try {
        if (i === 0) compareAll(await outputsOf(session, cases), expected);
      } finally {
        await session.close();
      }
    }
    const again = await opened(runtime, source, own);
    openMs = Math.min(openMs, again.openMs);
    await again.session.close();
  }
  const best = copies.reduce((a, b) => (b.openMs < a.openMs ? b : a));
  const { file, bytes, openMs: copyOpenMs } = best;
  if (copyOpenMs > openMs * task.worthShare)
    return { openMs, copyOpenMs, why: 'a copy would not open faster' };
  await writeFile(join(task.out, file), bytes);
  return { openMs, copyOpenMs, copy: { file, digest: digestOf(bytes) } };
}

async function opened(
  runtime: RuntimeHandle,
  bytes: Uint8Array,
  options: SessionOptions,
): Promise<{ session: Session; openMs: number }> {
  const clock = new RunClock(PROVIDER, SHORTEST_OPEN_MS);
  clock.start();
  const session = await runtime.open(bytes, options);
  return { session, openMs: clock.stop() };
}

/** Inputs of the golden cases, or zeros where the model's shape is fixed. */
async function casesOf(golden: string, session: Session): Promise<Tensors[]> {
  const bytes = await readFile(golden).catch(() => undefined);
  if (bytes !== undefined) return decodeGolden(bytes).map(({ inputs }) => inputs);
  const zeros = zeroInputs(session.inputs);
  return zeros === undefined ? [] : [zeros];
}

async function outputsOf(session: Session, cases: readonly Tensors[]): Promise<Tensors[]> {
  const outputs: Tensors[] = [];
  for (const inputs of cases) outputs.push(await session.run(inputs));
  return outputs;
}

/** The same kernels in the same order: nothing may differ. @throws {GoldenMismatchError} */
function compareAll(got: readonly Tensors[], expected: readonly Tensors[]): void {
  for (const [i, outputs] of expected.entries()) compareGolden('the copy', got[i] ?? {}, outputs, 0);
}

function isOrtFormat(bytes: Uint8Array): boolean {
  const { at, text } = ORT_IDENTIFIER;
  return Buffer.from(bytes.subarray(at, at + text.length)).toString('latin1') === text;
}
