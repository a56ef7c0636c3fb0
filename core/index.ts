/**
 * The nouns and rules of floormesh: what a digest, a manifest, a card, a configuration, a hardware class, a plan, a
 * rollout is, and which follows from which. In: values. Out: values. No I/O, no clock, no network, no runtime.
 */
export * from './app-manifest.ts';
export * from './codec.ts';
export * from './digest.ts';
export * from './errors.ts';
export * from './limits.ts';
export * from './metric.ts';
export * from './model-card.ts';
export { compareVersions } from './names.ts';
export * from './parse.ts';
export * from './samples.ts';
export * from './session.ts';
export * from './tensor.ts';
