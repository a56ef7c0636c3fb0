/**
 * What an app imports as `floormesh/app`: its definition, its context, and the helpers that every app needs.
 * In: events and tensors. Out: results and actions. Nothing here knows of the mesh.
 */
export { defineApp } from './define.ts';
export type { ActionPayload, AppContext, AppDefinition, AppEvent, AppModel, Handler } from './define.ts';
