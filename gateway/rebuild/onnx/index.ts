/** ONNX files as values: read, looked at, changed and written. No runtime is involved. */
export * from './make.ts';
export * from './model.ts';
export * from './types.ts';
export * from './walk.ts';
