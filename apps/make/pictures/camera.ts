import type { Picture } from '../../../inference/app/index.ts';
import type { Random } from '../random.ts';

type Surface = (random: Random, x: number, y: number) => number;

/** Materials that products are made of: a colour, and how its brightness varies from pixel to pixel. */
const MATERIALS: readonly { colour: readonly [number, number, number]; grain: number; streaks: number }[] = [
  { colour: [146, 150, 154], grain: 5, streaks: 14 },
  { colour: [170, 134, 92], grain: 10, streaks: 4 },
  { colour: [54, 58, 62], grain: 8, streaks: 3 },
  { colour: [96, 120, 104], grain: 6, streaks: 6 },
];

/** Cells of the coarse stains across the longer side. */
const STAIN_CELLS = 9;

/** A surface of a random material: its colour, coarse stains, streaks along its rows, and grain. */
export function paintSurface(random: Random, width: number, height: number): Picture {
  const { colour, grain, streaks } = random.pick(MATERIALS);
  const stain = stains(random, width, height);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const streak = random.between(-streaks, streaks);
    for (let x = 0; x < width; x += 1) {
      const tone = streak + stain(random, x, y) + random.between(-grain, grain);
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1) data[at + channel] = clamp(colour[channel]! + tone);
    }
  }
  return { width, height, data };
}

/** What lamp and sensor add, in place: light that falls off to one side, and noise that grows in the dark. */
export function expose(random: Random, picture: Picture): void {
  const { width, height, data } = picture;
  const [slopeX, slopeY] = [random.between(-0.35, 0.35), random.between(-0.3, 0.3)];
  const [level, noise] = [random.between(0.85, 1.1), random.between(2, 9)];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const light = level * (1 + slopeX * (x / width - 0.5) + slopeY * (y / height - 0.5));
      // The sum of two is nearly enough bell-shaped, and quick.
      const shared = (random.between(-1, 1) + random.between(-1, 1)) * noise;
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1)
        data[at + channel] = clamp(data[at + channel]! * light + shared);
    }
  }
}

function stains(random: Random, width: number, height: number): Surface {
  const cell = Math.max(width, height) / STAIN_CELLS;
  const columns = STAIN_CELLS + 2;
  const values = Array.from({ length: columns * columns }, () => random.between(-16, 16));
  return (_, x, y) => {
    const [column, row] = [Math.floor(x / cell), Math.floor(y / cell)];
    const [partX, partY] = [x / cell - column, y / cell - row];
    const at = row * columns + column;
    const upper = values[at]! * (1 - partX) + values[at + 1]! * partX;
    const lower = values[at + columns]! * (1 - partX) + values[at + columns + 1]! * partX;
    return upper * (1 - partY) + lower * partY;
  };
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : Math.round(value);
}
