import type { AppVariant } from '../../core/index.ts';

export interface VariantChoice {
  variant: AppVariant | undefined;
  /** For people: why this one, or why none. */
  reason: string;
}

/**
 * The form of an app that a node gets: the first one, in its author's order, whose memory fits into what the node
 * grants to apps and others have not taken yet.
 */
export function chooseVariant(
  variants: readonly AppVariant[],
  grantMiB: number,
  usedMiB: number,
): VariantChoice {
  const free = Math.max(0, grantMiB - usedMiB);
  const room =
    usedMiB === 0
      ? `${grantMiB} MiB are granted`
      : `${free} of ${grantMiB} MiB are left by other deployments`;
  const index = variants.findIndex((variant) => variant.memoryMiB <= free);
  const variant = variants[index];
  if (variant === undefined) {
    const least = Math.min(...variants.map(({ memoryMiB }) => memoryMiB));
    return { variant: undefined, reason: `the smallest variant needs ${least} MiB, and ${room}` };
  }
  const passed = variants.slice(0, index).map(({ name, memoryMiB }) => `${name} needs ${memoryMiB} MiB`);
  const why = `${variant.name} needs ${variant.memoryMiB} MiB, and ${room}`;
  return { variant, reason: passed.length === 0 ? why : `${passed.join(', ')}; ${why}` };
}
