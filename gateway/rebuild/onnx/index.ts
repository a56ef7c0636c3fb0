/** ONNX files as values: read, looked at, changed and written. No runtime is involved. */
export * from './attributes.ts';
export * from './graph.ts';
export { liftOpset, TARGET_OPSET } from './lift.ts';
export * from './make.ts';
export * from './model.ts';
export * from './tensors.ts';
export * from './types.ts';
export * from './walk.ts';
