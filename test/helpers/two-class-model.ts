import { join } from 'node:path';
import { mkdir, writeFile } from 'node:fs/promises';
import { writeModelFolder } from '../../apps/make/models/folder.ts';
import type { RecipeName, Sample } from '../../core/index.ts';
import { GraphWriter, noise, noiseTensor } from './onnx-graphs.ts';

const CHANNELS = 128;
const SIDE = 14;
const BLOCKS = 4;
/** Layers after the convolutions: their weights are more than a CPU's cache holds near a core. */
const LAYERS = 3;
const WIDTH = 768;
/** The shape of the model's input. */
export const TEXTURE_INPUT = [1, CHANNELS, SIDE, SIDE];
const OUTPUT = [1, WIDTH];
const NAME = 'textures';
/** The recipes that its publisher allows: one that changes the arithmetic, one that changes what is stored. */
export const TEXTURE_RECIPES: RecipeName[] = ['original', 'int8-weights', 'int8-static'];

/**
 * Writes a model whose best build differs by machine. In 8 bits its convolutions and its layers take about half the
 * time in the native runtime; WebAssembly reads the layers no faster, and takes half as long again for the depthwise
 * convolutions, which it has no 8-bit kernel for.
 */
export async function writeTextureModel(folder: string): Promise<void> {
  await writeModelFolder(folder, {
    card: {
      name: NAME,
      version: '1.0.0',
      licence: 'MIT',
      inputs: [{ name: 'x', type: 'float32', shape: TEXTURE_INPUT }],
      outputs: [{ name: 'y', type: 'float32', shape: OUTPUT }],
      metric: { kind: 'cosine', output: 'y' },
      maxDrop: 0.02,
      rebuild: { allow: TEXTURE_RECIPES, keepFloat: [] },
    },
    weights: textureModel(),
    calibration: samples(1, 8),
    validation: samples(101, 8),
  });
}

/** Writes an app that hands raw float32 values to the model, as if they were a sound, and returns what it answers. */
export async function writeTextureApp(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'app.yaml'), MANIFEST);
  await writeFile(join(folder, 'app.ts'), CODE);
}

/** Data for the app: an input that no sample has. */
export function textureInput(): Uint8Array {
  return Buffer.from(noiseTensor(TEXTURE_INPUT, 1001).data.buffer);
}

export function textureModel(): Uint8Array {
  const graph = new GraphWriter();
  const weights = (dims: number[], terms: number, seed: number): string => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const scale = Math.sqrt(3 / terms);
    return graph.floats(
      noise(count, seed).map((value) => value * scale),
      dims,
    );
  };
  const relu = (opType: string, input: string[], attributes = {}): string =>
    graph.node('Relu', [graph.node(opType, input, attributes)]);
  let value = 'x';
  for (let i = 1; i <= BLOCKS; i += 1) {
    const depthwise = { pads: [1, 1, 1, 1], group: CHANNELS };
    value = relu('Conv', [value, weights([CHANNELS, 1, 3, 3], 9, i)], depthwise);
    value = relu('Conv', [value, weights([CHANNELS, CHANNELS, 1, 1], CHANNELS, i + 10)]);
  }
  value = graph.node('Flatten', [graph.node('GlobalAveragePool', [value])]);
  for (let i = 0; i < LAYERS; i += 1) {
    const rows = i === 0 ? CHANNELS : WIDTH;
    value = relu('MatMul', [value, weights([rows, WIDTH], rows, i + 20)]);
  }
  graph.node('MatMul', [value, weights([WIDTH, WIDTH], WIDTH, 30)], {}, 'y');
  return graph.model(13, { x: TEXTURE_INPUT }, { y: OUTPUT });
}

function samples(first: number, count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => ({ inputs: { x: noiseTensor(TEXTURE_INPUT, first + i) } }));
}

const MANIFEST = `name: texture-reader
version: 1.0.0
description: Hands what it is given to its model.
licence: MIT
main: app.ts
models:
  textures: ${NAME}
events: [sound]
actions: []
variants:
  - name: full
    memoryMiB: 512
deadlineMs: 60000
`;

const CODE = `import { defineApp, float32 } from 'floormesh/app';

export default defineApp({
  on: {
    sound: async (event, context) => {
      const values = new Float32Array(Uint8Array.from(event.data).buffer);
      const { y } = await context.infer('textures', { x: float32(values, ${JSON.stringify(TEXTURE_INPUT)}) });
      return [...y.data];
    },
  },
});
`;
