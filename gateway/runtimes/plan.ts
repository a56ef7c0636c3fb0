import {
  type CatalogEntry,
  type Configuration,
  type Digest,
  entriesOf,
  platformFits,
  platformOf,
} from '../../core/index.ts';

/** One version of a runtime in the form that fits a platform. */
export interface RuntimeChoice {
  entry: CatalogEntry;
  /** The variant's manifest. */
  variant: Digest;
}

/** What became of a runtime on a node, by the variant's manifest. */
export type RuntimeVerdicts = ReadonlyMap<Digest, 'offered' | 'failed'>;

/**
 * The runtimes that a node should prove: of every name that its operator allows the newest version that has a variant
 * for its platform; where a version failed there, the next older one too.
 */
export function plannedRuntimes(
  entries: readonly CatalogEntry[],
  names: readonly string[],
  configuration: Configuration,
  verdicts: RuntimeVerdicts,
): RuntimeChoice[] {
  const platform = platformOf(configuration.os.platform, configuration.cpu.arch);
  const { allowedRuntimes = names } = configuration;
  const allowed = names.filter((name) => allowedRuntimes.includes(name));
  return allowed.flatMap((name) => {
    for (const entry of entriesOf(entries, 'runtime', name)) {
      const variant = entry.variants.find((candidate) => platformFits(candidate.platform, platform));
      if (variant === undefined) continue;
      const proven = configuration.runtimes.some((runtime) => runtime.digest === variant.digest);
      if (proven || verdicts.get(variant.digest) !== 'failed') return [{ entry, variant: variant.digest }];
    }
    return [];
  });
}

/**
 * Whether a node's class can be relied on: the most capable runtime that it was offered is proven. Whatever else is
 * still being tried there does not change the class; a class that changes an instant later would cost a rebuild and a
 * package for nothing.
 *
 * @param planned what `plannedRuntimes` gave, the most capable kind first
 */
export function runtimesSettled(planned: readonly RuntimeChoice[], configuration: Configuration): boolean {
  const [best] = planned;
  if (best === undefined) return configuration.runtimes.length > 0;
  return configuration.runtimes.some(({ digest }) => digest === best.variant);
}
