import { readFile } from 'node:fs/promises';
import { InvalidInputError, type MetricArguments, type Sample } from '../../core/index.ts';
import { isRecord } from '../channel/messages.ts';
import { serveChild } from '../child/serve-child.ts';
import { unpackTensors } from '../golden.ts';
import { samplesOf } from '../trial/build-under-test.ts';

/** Scores samples with a publisher's own function. Nothing of the machine is within its reach. */
type Score = (given: MetricArguments) => unknown;

let opened: { score: Score; samples: readonly Sample[] } | undefined;

serveChild({
  open: async (params) => {
    const { module, validation, samples } = record(params);
    opened = {
      score: await loadScore(await readFile(String(module))),
      samples: await samplesOf(String(validation), Number(samples)),
    };
    return null;
  },
  score: async (params) => {
    const { index, outputs, reference } = record(params);
    const sample = opened?.samples[Number(index)];
    if (opened === undefined || sample === undefined)
      throw new InvalidInputError(`no sample ${String(index)}`);
    const score = await opened.score({
      outputs: unpackTensors(outputs),
      reference: unpackTensors(reference),
      inputs: sample.inputs,
      ...(sample.expected === undefined ? {} : { expected: sample.expected }),
    });
    if (typeof score !== 'number' || !(score >= 0 && score <= 1))
      throw new InvalidInputError(`it gave ${String(score)}, not a number from 0 to 1`);
    return score;
  },
});

/**
 * A module that was imported from its bytes has no place, so that it can import nothing that lies beside it: what a
 * publisher signed is the whole function.
 */
async function loadScore(source: Uint8Array): Promise<Score> {
  const url = `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`;
  const loaded = (await import(url)) as { default?: unknown };
  if (typeof loaded.default !== 'function')
    throw new InvalidInputError('its default export is not a function');
  return loaded.default as Score;
}

function record(params: unknown): Record<string, unknown> {
  if (!isRecord(params)) throw new InvalidInputError('the parameters must be a map');
  return params;
}
