import { type Install, type InstallState, mayFollow, type Offer } from '../../core/index.ts';

/** The newest package that a node has accepted of a deployment. Nothing older is taken any more. */
export interface Floor {
  revision: number;
  /** Absent where that revision took the deployment from the node. */
  package?: Install['package'] | undefined;
  /** How far people were told of that. */
  told?: 'begun' | 'done' | undefined;
}

export type OfferDecision =
  { do: 'install' } | { do: 'await-consent' } | { do: 'ignore'; why: string } | { do: 'refuse'; why: string };

export interface OfferFacts {
  floor: Floor | undefined;
  /** What this node did with the same package before. */
  known: Install | undefined;
  /** What runs now. */
  active: Install | undefined;
  /** Whether the gateway sent it just now, rather than the node asking what there is. */
  pushed: boolean;
}

/** Problems that pass by themselves. An install that failed for one of them is tried again without being told to. */
const PASSING = ['ERR_NO_SOURCE', 'ERR_TIMEOUT', 'ERR_PEER_UNREACHABLE', 'ERR_DISK_FULL'];

/** What to do about an offer whose signature holds. Pure. */
export function decideOffer(offer: Offer, { floor, known, active, pushed }: OfferFacts): OfferDecision {
  if (floor !== undefined && offer.revision < floor.revision)
    return {
      do: 'refuse',
      why: `revision ${offer.revision} is older than ${floor.revision}, which was accepted`,
    };
  if (floor?.revision === offer.revision && floor.package !== offer.package)
    return {
      do: 'refuse',
      why: `revision ${offer.revision} was ${floor.package === undefined ? 'the removal' : 'another package'} before`,
    };
  if (known !== undefined) return decideKnown(offer, known, active, pushed);
  return needsConsent(offer, active) ? { do: 'await-consent' } : { do: 'install' };
}

function decideKnown(
  offer: Offer,
  known: Install,
  active: Install | undefined,
  pushed: boolean,
): OfferDecision {
  if (known.state === 'failed') {
    if (pushed || PASSING.includes(known.problem?.code ?? '')) return { do: 'install' };
    return { do: 'ignore', why: 'it failed here, and nothing says that it would not fail again' };
  }
  if (known.state === 'awaiting-consent' && !needsConsent(offer, active)) return { do: 'install' };
  return { do: 'ignore', why: `it is ${known.state} already` };
}

/** A first version was asked for by whoever deployed it; a later one replaces something that works. */
function needsConsent(offer: Offer, active: Install | undefined): boolean {
  return !offer.autoUpdate && active !== undefined && active.revision < offer.revision;
}

/** States of an install that somebody works on. A restart finds them when it was cut off there. */
const UNFINISHED: readonly InstallState[] = ['offered', 'fetching', 'installing', 'checking'];

export interface ResumePlan {
  /** Runs now: its tree is the active one. */
  run: Install | undefined;
  /** Was cut off and goes on. */
  resume: Install | undefined;
  /** States to put right first. */
  repair: { install: Install; state: InstallState }[];
}

/**
 * What a starting node does with what it finds of one deployment. The active link is the truth about what runs: it is
 * set before the record that says so. Pure.
 *
 * @param linked the package that the active link points at
 */
export function planResume(installs: readonly Install[], linked: Install['package'] | undefined): ResumePlan {
  const newestFirst = [...installs].sort((a, b) => b.revision - a.revision);
  // After a way back two of them may be of the same package.
  const candidates = newestFirst.filter((install) => install.package === linked);
  const run = candidates.find(({ state }) => state === 'active') ?? candidates[0];
  const resume = newestFirst.find((install) => install !== run && UNFINISHED.includes(install.state));
  const overtaken = resume !== undefined && run !== undefined && resume.revision < run.revision;
  const repair = newestFirst.flatMap((install) => {
    const state = repaired(install, install === run, overtaken || install !== resume);
    return state !== undefined && mayFollow(install.state, state) ? [{ install, state }] : [];
  });
  return { run, resume: overtaken ? undefined : resume, repair };
}

function repaired(install: Install, runs: boolean, left: boolean): InstallState | undefined {
  if (runs) return install.state === 'active' ? undefined : 'active';
  if (install.state === 'active' || (left && UNFINISHED.includes(install.state))) return 'superseded';
  return undefined;
}
