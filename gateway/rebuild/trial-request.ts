import type { Candidate, TrialRequest } from '../../core/index.ts';
import { fileLayer, type ModelArtifact, type RuntimeArtifact } from '../pull/index.ts';
import type { JudgingData } from './judging-data.ts';

/** What a trial is about, whichever machine runs it. */
export interface TrialSubject {
  model: ModelArtifact;
  data: JudgingData;
  runtime: RuntimeArtifact;
  provider: string;
}

/**
 * Asks for the built ones among some candidates, the original first, since all others are held against it; then the
 * smallest, which promise most. Undefined where there is nothing to judge by. Pure.
 */
export function trialRequest(
  { model, data, runtime, provider }: TrialSubject,
  candidates: readonly Candidate[],
  budget: TrialRequest['budget'],
): TrialRequest | undefined {
  if (data.samples === undefined) return undefined;
  const { metric } = model.card;
  const module = metric.kind === 'app' ? fileLayer(model, metric.module) : undefined;
  const builds = candidates.flatMap(({ name, build, session }) =>
    build === undefined ? [] : [{ name, ...build, ...(session === undefined ? {} : { session }) }],
  );
  builds.sort((a, b) => Number(b.name === 'original') - Number(a.name === 'original') || a.size - b.size);
  return {
    runtime: { manifest: runtime.self.digest, manifestSize: runtime.self.size, provider },
    metric,
    builds,
    validation: data.samples,
    ...(module === undefined ? {} : { metricModule: { digest: module.digest, size: module.size } }),
    budget,
  };
}

/** Whether not even the original ran: then nothing is known of any other. */
export function originalFailed(results: readonly { name: string; problem?: string }[]): boolean {
  return results.find(({ name }) => name === 'original')?.problem !== undefined;
}
