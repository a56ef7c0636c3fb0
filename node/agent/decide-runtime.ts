import type { ProvenRuntime, RuntimeOffer } from '../../core/index.ts';

/** What trying a runtime on this machine showed. */
export interface RuntimeRecord {
  name: string;
  version: string;
  /** Of the variant's manifest. */
  digest: ProvenRuntime['digest'];
  /** What it was tried with: another Node.js, another answer. */
  node: string;
  arch: string;
  proofs: { provider: string; ok: boolean; problem?: string }[];
}

/** What a proof depends on beside the runtime itself. */
export interface ProofGround {
  node: string;
  arch: string;
}

/** Whether a record still holds for what runs programs here now. Pure. */
export function stillHolds(record: RuntimeRecord, ground: ProofGround): boolean {
  return record.node === ground.node && record.arch === ground.arch;
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

function keyOf({ name, version, digest, provider }: ProvenRuntime): string {
  return `${name} ${version} ${provider} ${digest}`;
}
