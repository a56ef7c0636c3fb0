import {
  type FailedRuntime,
  isAccelerated,
  type ProvenRuntime,
  type RuntimeOffer,
} from '../../core/index.ts';

/** What trying a runtime on this machine showed. */
export interface RuntimeRecord {
  name: string;
  version: string;
  /** Of the variant's manifest. */
  digest: ProvenRuntime['digest'];
  /** What it was tried with: another Node.js, another answer. */
  node: string;
  arch: string;
  proofs: RuntimeProof[];
}

/** What trying one of its execution providers showed. */
export interface RuntimeProof {
  provider: string;
  ok: boolean;
  problem?: string | undefined;
  /** Of an accelerator: what it was tried with, see `ProofGround`. */
  on?: string | undefined;
  /** It ran before. What is away may come back: it is tried again by itself. */
  lost?: boolean | undefined;
}

/** What a proof depends on beside the runtime itself. */
export interface ProofGround {
  node: string;
  arch: string;
  /** Devices and drivers, and whether they may be used: another text, another answer of an accelerator. */
  accelerators: string;
}

/** Whether a record still holds for what runs programs here now. Pure. */
export function stillHolds(record: RuntimeRecord, ground: ProofGround): boolean {
  return record.node === ground.node && record.arch === ground.arch;
}

/** The proofs of a record that need not be made again for what there is here now. Pure. */
export function proofsHolding(record: RuntimeRecord, ground: ProofGround): RuntimeProof[] {
  if (!stillHolds(record, ground)) return [];
  return record.proofs.filter(({ provider, on }) => !isAccelerated(provider) || on === ground.accelerators);
}

/** Whether some of a record has to be found out again. Until then it is believed: most drivers work after an update. Pure. */
export function isStale(record: RuntimeRecord, ground: ProofGround): boolean {
  return proofsHolding(record, ground).length < record.proofs.length;
}

/** Whether an accelerator that it ran on is away. Pure. */
export function hasLost(record: RuntimeRecord, ground: ProofGround): boolean {
  return stillHolds(record, ground) && record.proofs.some(({ lost }) => lost === true);
}

/** Marks what does not run any more as lost. Pure. @param before what was found out at the last try */
export function withLost(proofs: readonly RuntimeProof[], before: readonly RuntimeProof[]): RuntimeProof[] {
  return proofs.map((proof) => {
    const known = before.find(({ provider }) => provider === proof.provider);
    const isLost = isAccelerated(proof.provider) && !proof.ok && (known?.ok === true || known?.lost === true);
    return isLost ? { ...proof, lost: true } : proof;
  });
}

/** Whether two tries came to the same. Pure. */
export function sameOutcome(a: readonly RuntimeProof[], b: readonly RuntimeProof[]): boolean {
  return (
    a.length === b.length && a.every(({ provider, ok }, i) => provider === b[i]?.provider && ok === b[i].ok)
  );
}

/** The offered runtimes that have to be fetched and tried. Pure. */
export function runtimesToTry(
  offers: readonly RuntimeOffer[],
  records: readonly RuntimeRecord[],
  ground: ProofGround,
  allowed: readonly string[] | undefined,
): RuntimeOffer[] {
  return offers.filter((offer) => {
    if (allowed !== undefined && !allowed.includes(offer.name)) return false;
    return !records.some((record) => record.digest === offer.manifest && stillHolds(record, ground));
  });
}

/** What a configuration lists: everything that ran and gave the right answer, in a fixed order. Pure. */
export function provenRuntimes(records: readonly RuntimeRecord[], ground: ProofGround): ProvenRuntime[] {
  return records
    .filter((record) => stillHolds(record, ground))
    .flatMap(({ name, version, digest, proofs }) =>
      proofs.filter(({ ok }) => ok).map(({ provider }) => ({ name, version, digest, provider })),
    )
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** What was tried and does not run, with the reason, in a fixed order. Pure. */
export function failedRuntimes(records: readonly RuntimeRecord[], ground: ProofGround): FailedRuntime[] {
  return records
    .filter((record) => stillHolds(record, ground))
    .flatMap(({ name, version, proofs }) =>
      proofs
        .filter(({ ok }) => !ok)
        .map(({ provider, problem = '' }) => ({ name, version, provider, problem })),
    )
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({
  name,
  version,
  provider,
  digest = '',
}: Omit<FailedRuntime, 'problem'> & { digest?: string }): string {
  return `${name} ${version} ${provider} ${digest}`;
}
