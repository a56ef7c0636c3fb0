/** Models made to fit hardware classes. In: model, class, objective. Out: the chosen build, with its report. */
export { RebuildEngine } from './engine.ts';
export type { EngineComponents, RebuildJob } from './engine.ts';
export { OwnRuntimes } from './own-runtimes.ts';
export type { ReadyModel } from './report.ts';
export { trialOnNode } from './trial.ts';
export { SharedWork, Turns } from './shared-work.ts';
