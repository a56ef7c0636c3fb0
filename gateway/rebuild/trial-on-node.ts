import {
  errorRecord,
  type Logger,
  parseTrialResult,
  type Signature,
  type TrialOutcome,
  type TrialRequest,
} from '../../core/index.ts';
import { type Mesh, publicKeyOf } from '../../mesh/index.ts';
import { verifyTrial } from '../../trust/index.ts';
import { TRIAL_BUSY_WAIT_MS, TRIAL_LOST_TRIES, TRIAL_OVERHEAD_MS, TRIAL_RETRY_MS } from '../constants.ts';
import { pause } from '../pause.ts';
import type { Roster, RosterNode } from '../roster/index.ts';

/** What a machine of the class measured. */
export interface NodeTrial {
  /** Name of the node. */
  measuredBy: string;
  results: TrialOutcome[];
  /** By the node, over request and results. What nobody signed serves this once, and is not kept. */
  signature?: Signature;
  /** Measured by this very process, which need not prove anything to itself. */
  own?: boolean;
}

export interface MeasureOptions {
  /** Whether to wait for a node that is busy. Who can come again later does not. */
  patient: boolean;
  signal: AbortSignal;
}

/** Has a machine of a hardware class measure builds. Undefined when none could. */
export type Measure = (
  hardwareClass: string,
  request: TrialRequest,
  options: MeasureOptions,
) => Promise<NodeTrial | undefined>;

interface TrialComponents {
  mesh: Pick<Mesh, 'call'>;
  roster: Pick<Roster, 'ofClass'>;
  log: Logger;
}

/**
 * Has a connected node of a hardware class measure the builds. A node that is busy with its apps is asked again for
 * `TRIAL_BUSY_WAIT_MS`, one that went away while it measured once more when it is back, and one that fails is left for
 * the next. Undefined when no node of the class could.
 */
export async function trialOnNode(
  hardwareClass: string,
  request: TrialRequest,
  components: TrialComponents,
  { patient, signal }: MeasureOptions,
): Promise<NodeTrial | undefined> {
  const { roster, log } = components;
  const tried = new Set<string>();
  const lost = new Set<string>();
  const begun = performance.now();
  let waits = 0;
  for (;;) {
    let busy = false;
    for (const node of roster.ofClass(hardwareClass)) {
      if (tried.has(node.id)) continue;
      try {
        return await ask(node, request, components, signal);
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
    const mayWait = busy && performance.now() - begun < TRIAL_BUSY_WAIT_MS;
    if (!patient || (!mayWait && (!away || waits > TRIAL_LOST_TRIES))) return undefined;
    await pause(TRIAL_RETRY_MS, signal);
    signal.throwIfAborted();
  }
}

async function ask(
  node: RosterNode,
  request: TrialRequest,
  { mesh }: TrialComponents,
  signal: AbortSignal,
): Promise<NodeTrial> {
  const timeoutMs = request.budget.milliseconds * request.builds.length + TRIAL_OVERHEAD_MS;
  const answer = await mesh.call(node.id, 'trial', request, { signal, timeoutMs });
  const { results, signature } = parseTrialResult(answer);
  if (signature === undefined) return { measuredBy: node.name, results };
  verifyTrial(request, results, signature, publicKeyOf(node.id));
  return { measuredBy: node.name, results, signature };
}
