import {
  type Accuracy,
  type Candidate,
  errorRecord,
  type Logger,
  parseTrialResult,
  type TrialRequest,
} from '../../core/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import { TRIAL_BUSY_TRIES, TRIAL_BUSY_WAIT_MS, TRIAL_LOST_TRIES, TRIAL_OVERHEAD_MS } from '../constants.ts';
import { pause } from '../pause.ts';
import type { Roster } from '../roster/index.ts';

/** What a node of the class measured, and its name. */
export interface NodeTrial {
  measuredBy: string;
  candidates: Candidate[];
}

/** Has a node of a hardware class measure builds. Undefined when none could. */
export type Measure = (
  hardwareClass: string,
  request: TrialRequest,
  candidates: readonly Candidate[],
  signal: AbortSignal,
) => Promise<NodeTrial | undefined>;

/**
 * Has a connected node of a hardware class measure the builds. A busy node is asked again, one that went away while it
 * measured once more when it is back, and one that fails is left for the next. Undefined when no node of the class could.
 */
export async function trialOnNode(
  hardwareClass: string,
  request: TrialRequest,
  candidates: readonly Candidate[],
  components: { mesh: Pick<Mesh, 'call'>; roster: Pick<Roster, 'ofClass'>; log: Logger },
  signal: AbortSignal,
): Promise<NodeTrial | undefined> {
  const { mesh, roster, log } = components;
  const timeoutMs = request.budget.milliseconds * request.builds.length + TRIAL_OVERHEAD_MS;
  const tried = new Set<string>();
  const lost = new Set<string>();
  let waits = 0;
  for (let round = 0; round < TRIAL_BUSY_TRIES; round += 1) {
    let busy = false;
    for (const node of roster.ofClass(hardwareClass)) {
      if (tried.has(node.id)) continue;
      try {
        const answer = parseTrialResult(await mesh.call(node.id, 'trial', request, { signal, timeoutMs }));
        return { measuredBy: node.name, candidates: withResults(candidates, request, answer.results) };
      } catch (error) {
        signal.throwIfAborted();
        const { code, message } = errorRecord(error);
        if (code === 'ERR_NODE_BUSY') busy = true;
        else {
          if (code === 'ERR_PEER_UNREACHABLE' && !lost.has(node.id)) lost.add(node.id);
          else tried.add(node.id);
          log.warn({ node: node.name, code, message }, 'a node could not measure');
        }
      }
    }
    const away = [...lost].some((id) => !tried.has(id));
    if (away) waits += 1;
    if (!busy && (!away || waits > TRIAL_LOST_TRIES)) return undefined;
    await pause(TRIAL_BUSY_WAIT_MS, signal);
    signal.throwIfAborted();
  }
  return undefined;
}

/** What a trial showed replaces what was known; a build that it leaves out was not measured and says so. */
export function withResults(
  candidates: readonly Candidate[],
  request: TrialRequest,
  results: readonly Pick<Candidate, 'name' | 'accuracy' | 'measurement' | 'problem'>[],
): Candidate[] {
  return candidates.map((candidate) => {
    if (!request.builds.some(({ name }) => name === candidate.name)) return candidate;
    const result = results.find(({ name }) => name === candidate.name);
    const known = { ...candidate, measurement: undefined };
    if (result === undefined) return { ...known, problem: 'the node did not get to it within its budget' };
    return { ...known, ...result, accuracy: soberAccuracy(candidate.accuracy, result.accuracy) };
  });
}

/**
 * Of what the gateway saw on many samples and a node on some: the larger loss, since other hardware may round and
 * saturate in another way; where the losses are equal, what was seen on more samples.
 */
export function soberAccuracy(here: Accuracy | undefined, there: Accuracy | undefined): Accuracy | undefined {
  if (here === undefined || there === undefined) return there ?? here;
  const lossHere = Math.max(0, here.original - here.build);
  const lossThere = Math.max(0, there.original - there.build);
  if (lossHere !== lossThere) return lossHere > lossThere ? here : there;
  return here.samples > there.samples ? here : there;
}
