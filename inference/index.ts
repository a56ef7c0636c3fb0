/**
 * The only room that runs models. A daemon gets children here that prove a runtime, run an app, or measure builds;
 * what such a child loads, it loads from an installed folder. In: folders, events, requests. Out: answers, figures.
 * Importing this module loads no runtime: `loadRuntime` does, and only modules that run in a child call it.
 */
export type { ActionPayload, AppEvent } from './app/define.ts';
export type { Action } from './app-host/action.ts';
export { startApp } from './app-host/start-app.ts';
export { CompiledCode } from './child/compiled.ts';
export type { GrantedResource } from './app-host/granted.ts';
export type { AppStats, HandleOptions, RunningApp } from './app-host/hosted-app.ts';
export type { AppInit } from './app-host/start-app.ts';
export type { AppServices, Captured, MeshBytes, MeshService, StateService } from './app-host/services.ts';
export { channel } from './channel/channel.ts';
export type { Channel, ChannelHandler, RequestOptions } from './channel/channel.ts';
export { siblingModule } from './child/entry.ts';
export { processMemory } from './child/memory.ts';
export type { ProcessMemory } from './child/memory.ts';
export { serveChild } from './child/serve-child.ts';
export type { ChildPeer } from './child/serve-child.ts';
export { spawnChild } from './child/spawn-child.ts';
export type { Child, ChildExit, ChildInit } from './child/spawn-child.ts';
export {
  AcceleratorLostError,
  AppBusyError,
  AppFailedError,
  AppInvalidError,
  AppServiceMissingError,
  ChannelBrokenError,
  ChannelBusyError,
  ChannelClosedError,
  ChildExitedError,
  EventNotBegunError,
  DeadlineExceededError,
  GoldenMismatchError,
  InferenceError,
  MemoryExceededError,
  MethodUnknownError,
  MetricFailedError,
  ModelInvalidError,
  RuntimeInvalidError,
  StateFullError,
} from './errors.ts';
export { MAX_APP_STATE_BYTES, MAX_APP_STATE_KEYS, MAX_MESH_VALUE_BYTES } from './constants.ts';
export type { FinalCopy, Finalised, OpenedModel } from './finalise/final-copy.ts';
export { finaliseModel } from './finalise/finalise-model.ts';
export type { FinaliseInit } from './finalise/finalise-model.ts';
export { decodeGolden, encodeGolden } from './golden.ts';
export type { GoldenCase } from './golden.ts';
export { graphicsGround, graphicsObstacle, hasGraphicsDevice } from './probe/graphics.ts';
export { proveRuntime } from './probe/prove-runtime.ts';
export type { Proof, ProofInit } from './probe/prove-runtime.ts';
export { loadRuntime } from './runtimes/load-runtime.ts';
export { ownConfinement } from './child/permissions.ts';
export { findSandbox } from './sandbox/find-sandbox.ts';
export type { FindSandboxInit, FoundSandbox } from './sandbox/find-sandbox.ts';
export { Sandbox, SANDBOX_METHODS } from './sandbox/sandbox.ts';
export type { SandboxMethod } from './sandbox/sandbox.ts';
export { modelToOpen } from './runtimes/model-to-open.ts';
export { runTrial } from './trial/run-trial.ts';
export type { TrialInit } from './trial/run-trial.ts';
