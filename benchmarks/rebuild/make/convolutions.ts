import { DATA_TYPE, makeValueInfo } from '../../../gateway/rebuild/onnx/index.ts';
import type { Head } from './fit-head.ts';
import { GraphWriter } from './graph-writer.ts';
import { Draw } from './weights.ts';

const OPSET = 17;

/** What convolutional networks are made of, with weights as training leaves them (He et al. 2015 for their size). */
class ConvolutionWriter {
  readonly graph = new GraphWriter();
  readonly #draw: Draw;
  #count = 0;

  constructor(seed: number) {
    this.#draw = new Draw(seed);
  }

  conv(
    input: string,
    from: number,
    to: number,
    kernel: number,
    options: { stride?: number; groups?: number; gain?: number } = {},
  ): string {
    const { stride = 1, groups = 1, gain = 1 } = options;
    const name = `conv${(this.#count += 1)}`;
    const fan = (from / groups) * kernel * kernel;
    const values = this.#draw.layer(to * fan, gain * Math.sqrt(2 / fan) * 0.8, to);
    const weight = this.graph.floats(`${name}.weight`, values, [to, from / groups, kernel, kernel]);
    const bias = this.graph.floats(`${name}.bias`, this.#draw.channels(to, 0, 0.05), [to]);
    const pad = kernel >> 1;
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      group: groups,
    };
    return this.graph.op('Conv', [input, weight, bias], attributes);
  }

  /** As PyTorch exports it where it is not folded: batch normalisation with its running statistics. */
  norm(input: string, channels: number): string {
    const name = `bn${(this.#count += 1)}`;
    const part = (what: string, mean: number, deviation: number, positive: boolean): string => {
      const values = this.#draw.channels(channels, mean, deviation);
      const kept = positive ? values.map((value) => Math.max(0.1, Math.abs(value))) : values;
      return this.graph.floats(`${name}.${what}`, kept, [channels]);
    };
    return this.graph.op(
      'BatchNormalization',
      [
        input,
        part('weight', 1, 0.25, true),
        part('bias', 0, 0.2, false),
        part('mean', 0, 0.3, false),
        part('var', 1, 0.4, true),
      ],
      { epsilon: { float: 1e-5 } },
    );
  }

  relu(input: string): string {
    return this.graph.op('Relu', [input]);
  }

  /** Twice the sides, half the channels or so (Zeiler et al. 2010). */
  widen(input: string, from: number, to: number): string {
    const name = `up${(this.#count += 1)}`;
    const values = this.#draw.layer(from * to * 4, Math.sqrt(1 / from), from);
    const weight = this.graph.floats(`${name}.weight`, values, [from, to, 2, 2]);
    const bias = this.graph.floats(`${name}.bias`, this.#draw.channels(to, 0, 0.05), [to]);
    return this.graph.op('ConvTranspose', [input, weight, bias], { kernel_shape: [2, 2], strides: [2, 2] });
  }

  /**
   * Means over the picture, then one layer. Without a head that was fitted the means are the output.
   */
  classify(input: string, channels: number, head: Head | undefined): Uint8Array {
    const { graph } = this;
    const pooled = graph.op('GlobalAveragePool', [input]);
    const name = head === undefined ? 'features' : undefined;
    const features = graph.op('Flatten', [pooled], { axis: 1 }, name);
    const outputs = head?.bias.length ?? channels;
    if (head !== undefined) {
      const weight = graph.floats('fc.weight', head.weight, [outputs, channels]);
      const bias = graph.floats('fc.bias', head.bias, [outputs]);
      graph.op('Gemm', [features, weight, bias], { transB: 1 }, 'logits');
    }
    const picture = makeValueInfo('image', DATA_TYPE.float32, ['batch', 1, 28, 28]);
    const output = makeValueInfo(name ?? 'logits', DATA_TYPE.float32, ['batch', outputs]);
    return graph.model([picture], [output], OPSET);
  }
}

/** A network with the layer at its end that was fitted for it, or without one: then it gives `features`. */
export type MakeNetwork = (head?: Head) => Uint8Array;

/**
 * Three blocks in which every layer sees all before it, normalised and rectified before each convolution (DenseNet:
 * Huang et al. 2017). Takes `image`, float32 [batch, 1, 28, 28]; gives `logits`.
 */
export function makeDenseNet(head?: Head): Uint8Array {
  const writer = new ConvolutionWriter(31);
  const growth = 24;
  let channels = 48;
  let value = writer.conv('image', 1, channels, 3);
  for (const [block, layers] of [6, 8, 8].entries()) {
    for (let layer = 0; layer < layers; layer += 1) {
      const narrow = writer.conv(writer.relu(writer.norm(value, channels)), channels, 4 * growth, 1);
      const added = writer.conv(writer.relu(writer.norm(narrow, 4 * growth)), 4 * growth, growth, 3);
      value = writer.graph.op('Concat', [value, added], { axis: 1 });
      channels += growth;
    }
    if (block === 2) break;
    const half = channels >> 1;
    const passed = writer.conv(writer.relu(writer.norm(value, channels)), channels, half, 1);
    value = writer.graph.op('AveragePool', [passed], { kernel_shape: [2, 2], strides: [2, 2] });
    channels = half;
  }
  return writer.classify(writer.relu(writer.norm(value, channels)), channels, head);
}

/** Residual blocks at four widths (ResNet: He et al. 2016). Takes `image`, float32 [batch, 1, 28, 28]; gives `logits`. */
export function makeResNet(head?: Head): Uint8Array {
  const writer = new ConvolutionWriter(37);
  const unit = (input: string, from: number, to: number, kernel: number, stride = 1): string =>
    writer.norm(writer.conv(input, from, to, kernel, { stride }), to);
  let channels = 32;
  let value = writer.relu(unit('image', 1, channels, 3));
  for (const [stage, width] of [32, 64, 128, 256].entries()) {
    for (let block = 0; block < 2; block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const inner = writer.relu(unit(value, channels, width, 3, stride));
      const path = unit(inner, width, width, 3);
      const skipped = stride === 1 && channels === width ? value : unit(value, channels, width, 1, stride);
      value = writer.relu(writer.graph.op('Add', [path, skipped]));
      channels = width;
    }
  }
  return writer.classify(value, channels, head);
}

/** Channels from the whole picture down to a sixteenth of its sides: most of 44 million weights stand at the bottom. */
const WIDTHS = [48, 96, 192, 480, 1584];

/**
 * A network that says something of every pixel, down and up again with what is passed across (U-Net: Ronneberger et al.
 * 2015), 176 MB. Takes `image`, float32 [batch, 3, height, width], sides in sixteens; gives `map`, of the same sides.
 */
export function makeUNet(): Uint8Array {
  const writer = new ConvolutionWriter(41);
  const twice = (input: string, from: number, to: number): string =>
    writer.relu(writer.conv(writer.relu(writer.conv(input, from, to, 3)), to, to, 3));
  const across: string[] = [];
  let value = twice('image', 3, WIDTHS[0] ?? 0);
  for (const [i, width] of WIDTHS.slice(1).entries()) {
    across.push(value);
    const halved = writer.graph.op('MaxPool', [value], { kernel_shape: [2, 2], strides: [2, 2] });
    value = twice(halved, WIDTHS[i] ?? 0, width);
  }
  for (let i = WIDTHS.length - 2; i >= 0; i -= 1) {
    const width = WIDTHS[i] ?? 0;
    const widened = writer.widen(value, WIDTHS[i + 1] ?? 0, width);
    value = twice(writer.graph.op('Concat', [across[i] ?? '', widened], { axis: 1 }), 2 * width, width);
  }
  const map = writer.graph.op('Identity', [writer.conv(value, WIDTHS[0] ?? 0, 1, 1)], {}, 'map');
  const shape = (channels: number) => ['batch', channels, 'height', 'width'];
  return writer.graph.model(
    [makeValueInfo('image', DATA_TYPE.float32, shape(3))],
    [makeValueInfo(map, DATA_TYPE.float32, shape(1))],
    OPSET,
  );
}
