/**
 * The gateway's door for people and programs on site: HTTP with JSON, server-sent events and the console. In: requests
 * that are bounded, checked and, where they change anything, signed in by a token. Out: what the gateway says.
 */
export { api } from './api.ts';
export type { Api, ApiComponents, ApiInit } from './api.ts';
export { readApiFile, writeApiFile } from './api-file.ts';
export type { ApiFile } from './api-file.ts';
export { API_PREFIX, MAX_INFER_BYTES } from './constants.ts';
export { ApiFileInvalidError, HostRefusedError, UnauthorizedError } from './errors.ts';
export { NotFoundError } from '../errors.ts';
export type { PublishRequest } from '../gateway.ts';
export type * from '../views.ts';
