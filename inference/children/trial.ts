import {
  InvalidInputError,
  type Metric,
  parseRuntimeManifest,
  type SessionSettings,
} from '../../core/index.ts';
import { isRecord } from '../channel/messages.ts';
import { serveChild } from '../child/serve-child.ts';
import { packTensors, unpackTensors } from '../golden.ts';
import { loadRuntime } from '../runtimes/load-runtime.ts';
import { type BuildUnderTest, openBuild } from '../trial/build-under-test.ts';

/** Measures one build of a model. Its daemon lets several of these take turns. */
let build: BuildUnderTest | undefined;

serveChild({
  open: async (params) => {
    const given = record(params);
    const runtime = await loadRuntime(String(given['runtimeDir']), parseRuntimeManifest(given['manifest']));
    build = await openBuild({
      runtime,
      provider: String(given['provider']),
      settings: given['settings'] as SessionSettings,
      metric: given['metric'] as Metric,
      model: String(given['model']),
      validation: String(given['validation']),
      samples: Number(given['samples']),
    });
    return build.opened;
  },
  outputs: async (params) => {
    const { outputs, labelled } = await opened().outputs(Number(record(params)['index']));
    return { outputs: packTensors(outputs), labelled };
  },
  reference: async (params) => {
    const { outputs, evidence, labelled } = await opened().reference(Number(record(params)['index']));
    return { outputs: packTensors(outputs), evidence, labelled };
  },
  evidence: async (params) => {
    const { index, reference } = record(params);
    return opened().evidence(Number(index), unpackTensors(reference));
  },
  time: async (params) => {
    const { from, runs } = record(params);
    return opened().time(Number(from), Number(runs));
  },
});

function opened(): BuildUnderTest {
  if (build === undefined) throw new InvalidInputError('no build is open');
  return build;
}

function record(params: unknown): Record<string, unknown> {
  if (!isRecord(params)) throw new InvalidInputError('the parameters must be a map');
  return params;
}
