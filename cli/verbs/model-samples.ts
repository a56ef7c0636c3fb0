import type { Command } from 'commander';
import { encodeSamples, MAX_SAMPLE_SET_BYTES, type Packing, type SampleSet } from '../../core/index.ts';
import { type CliContext, UsageError } from '../context.ts';
import { formatBytes } from '../format.ts';
import { collect, pair, print } from '../verb.ts';

interface SamplesOptions {
  input?: string[];
  expected?: string;
  scale?: string[];
  asIs?: string[];
  take?: string;
  lines?: string;
  out: string;
  force?: boolean;
  json?: boolean;
}

/** `floormesh model samples`: a sample set from files that other tools write. */
export function modelSamplesVerb(model: Command, context: CliContext): void {
  model
    .command('samples')
    .description('make a sample set (calibration.cbor, validation.cbor) from arrays or lines')
    .option('--input <name=file>', 'a .npy array for this input; its first axis counts the samples', collect)
    .option('--expected <file>', 'a .npy array with what is true of each sample')
    .option(
      '--scale <name=scale,shift>',
      'for an input of bytes: the model gets byte × scale + shift',
      collect,
    )
    .option('--as-is <name>', 'an input without an axis of batches, such as a state', collect)
    .option('--take <from:to>', 'only these samples of the arrays, counted from 0')
    .option('--lines <file>', 'instead of arrays: JSON, one sample a line')
    .requiredOption('--out <file>', 'the sample set to write')
    .option('--force', 'replace the file where it is there already')
    .option('--json', 'print JSON')
    .action((options: SamplesOptions) => make(options, context));
}

async function make(options: SamplesOptions, context: CliContext): Promise<void> {
  const { out, force, json } = options;
  const { checkFree, writeBytes } = await import('../rebuild/write-result.ts');
  const packing = Object.fromEntries((options.scale ?? []).map(packingOf));
  if (force !== true) await checkFree([out]);
  const set = await read(options, packing);
  const bytes = encodeSamples(set, packing);
  if (bytes.byteLength > MAX_SAMPLE_SET_BYTES)
    throw new UsageError(
      `${formatBytes(bytes.byteLength)} are more than the ${formatBytes(MAX_SAMPLE_SET_BYTES)} of a sample set`,
      { hint: 'Take fewer samples with --take: 32 are enough to calibrate with, 200 to validate.' },
    );
  await writeBytes(out, bytes);
  const [first] = set.samples;
  const shapes = Object.fromEntries(
    Object.entries(first?.inputs ?? {}).map(([name, { type, dims }]) => [name, `${type} ${dims.join('x')}`]),
  );
  const labelled = set.samples.filter(({ expected }) => expected !== undefined).length;
  print(context, json, { out, samples: set.samples.length, labelled, bytes: bytes.byteLength, shapes }, () =>
    [
      `${out}: ${set.samples.length} samples, ${labelled} with a truth, ${formatBytes(bytes.byteLength)}\n`,
      ...Object.entries(shapes).map(([name, shape]) => `  ${name} ${shape}\n`),
    ].join(''),
  );
}

async function read(options: SamplesOptions, packing: Record<string, Packing>): Promise<SampleSet> {
  const { input = [], lines, expected, take, asIs = [] } = options;
  if ((lines === undefined) === (input.length === 0))
    throw new UsageError('samples are made of arrays (--input NAME=FILE) or of lines (--lines FILE)');
  if (lines !== undefined) {
    const { samplesFromLines } = await import('../samples/from-lines.ts');
    return samplesFromLines(lines);
  }
  const { samplesFromArrays } = await import('../samples/from-arrays.ts');
  const inputs = new Map(input.map((text) => pair(text, '--input')));
  return samplesFromArrays({ inputs, expected, packing, asIs: new Set(asIs), ...rangeOf(take) });
}

function rangeOf(text: string | undefined): { from: number; to: number } {
  if (text === undefined) return { from: 0, to: Infinity };
  const [, from = '', to = ''] = /^(\d*):(\d*)$/.exec(text) ?? [];
  if (from === '' && to === '') throw new UsageError(`--take takes FROM:TO, not ${text}`);
  return { from: Number(from), to: to === '' ? Infinity : Number(to) };
}

function packingOf(text: string): [string, Packing] {
  const [name, values] = pair(text, '--scale');
  const [scale, shift = 0, ...more] = values.split(',').map(Number);
  if (scale === undefined || !(Math.abs(scale) > 0) || !Number.isFinite(shift) || more.length > 0)
    throw new UsageError(`--scale takes NAME=SCALE or NAME=SCALE,SHIFT, not ${text}`);
  return [name, { scale, shift }];
}
