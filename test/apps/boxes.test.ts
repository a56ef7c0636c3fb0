import test from 'ava';
import { boxAround, cornersOf, meanInside, unclip } from '../../apps/label-reader/boxes.ts';
import { findRegions } from '../../apps/label-reader/regions.ts';
import { joinLines } from '../../apps/label-reader/join.ts';
import type { TurnedBox } from '../../inference/app/index.ts';

/** A map with the given boxes at 0.9 on a ground of 0.1. */
function mapOf(width: number, height: number, boxes: TurnedBox[]): Float32Array {
  const map = new Float32Array(width * height).fill(0.1);
  for (const box of boxes)
    for (let i = 0; i < map.length; i += 1) {
      const [dx, dy] = [(i % width) + 0.5 - box.x, Math.floor(i / width) + 0.5 - box.y];
      const along = Math.abs(dx * Math.cos(box.angle) + dy * Math.sin(box.angle));
      const across = Math.abs(dy * Math.cos(box.angle) - dx * Math.sin(box.angle));
      if (along <= box.width / 2 && across <= box.height / 2) map[i] = 0.9;
    }
  return map;
}

function near(t: import('ava').ExecutionContext, got: TurnedBox, wanted: TurnedBox): void {
  for (const key of ['x', 'y', 'width', 'height'] as const)
    t.true(Math.abs(got[key] - wanted[key]) < 1.6, `${key} ${got[key]}, not ${wanted[key]}`);
  t.true(Math.abs(got.angle - wanted.angle) < 0.05, `angle ${got.angle}, not ${wanted.angle}`);
}

test('regions that do not touch are found apart, the largest first', (t) => {
  const boxes = [
    { x: 20, y: 10, width: 20, height: 6, angle: 0 },
    { x: 40, y: 30, width: 40, height: 8, angle: 0 },
  ];
  const regions = findRegions(mapOf(80, 40, boxes), 80, 40, 0.3);
  t.deepEqual(
    regions.map(({ pixels }) => pixels),
    [320, 120],
  );
});

test('pixels that touch by a corner are one region, an empty map has none', (t) => {
  const map = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  t.is(findRegions(map, 3, 3, 0.5).length, 1);
  t.deepEqual(findRegions(new Float32Array(9), 3, 3, 0.5), []);
  t.deepEqual(findRegions(new Float32Array(9).fill(NaN), 3, 3, 0.5), []);
});

for (const angle of [0, 0.2, -0.5, Math.PI / 2 - 0.1])
  test(`the box around a region lies as the region does, turned by ${angle.toFixed(2)}`, (t) => {
    const wanted = { x: 60, y: 62, width: 70, height: 14, angle };
    const [region] = findRegions(mapOf(120, 120, [wanted]), 120, 120, 0.3);
    near(t, boxAround(region!.ends), wanted);
  });

test('a box around one pixel is that pixel', (t) => {
  const [region] = findRegions(Float32Array.of(0, 0, 0, 1), 2, 2, 0.5);
  near(t, boxAround(region!.ends), { x: 1.5, y: 1.5, width: 1, height: 1, angle: 0 });
});

test('unclipping grows all sides alike by area and perimeter', (t) => {
  const grown = unclip({ x: 5, y: 6, width: 30, height: 10, angle: 0.1 }, 2);
  t.deepEqual(grown, { x: 5, y: 6, width: 45, height: 25, angle: 0.1 });
});

test('the mean inside a box is that of the box alone', (t) => {
  const box = { x: 30, y: 30, width: 30, height: 8, angle: 0.4 };
  const map = mapOf(60, 60, [box]);
  t.true(Math.abs(meanInside(map, 60, 60, box) - 0.9) < 1e-6);
  t.true(meanInside(map, 60, 60, { ...box, width: 60 }) < 0.6);
  t.is(meanInside(map, 60, 60, { ...box, x: 900 }), 0);
});

test('corners go clockwise from the top left of the text', (t) => {
  const corners = cornersOf({ x: 10, y: 20, width: 8, height: 4, angle: 0 });
  t.deepEqual(corners, [
    { x: 6, y: 18 },
    { x: 14, y: 18 },
    { x: 14, y: 22 },
    { x: 6, y: 22 },
  ]);
});

test('words on one line are joined, also three and turned ones; lines above each other are not', (t) => {
  const word = (along: number, width: number, angle: number): TurnedBox => ({
    x: 100 + along * Math.cos(angle),
    y: 100 + along * Math.sin(angle),
    width,
    height: 20,
    angle,
  });
  for (const angle of [0, 0.08, -0.3]) {
    const joined = joinLines([word(60, 40, angle), word(-55, 40, angle), word(0, 50, angle)]);
    t.is(joined.length, 1);
    near(t, joined[0]!, {
      x: 100 + 2.5 * Math.cos(angle),
      y: 100 + 2.5 * Math.sin(angle),
      width: 155,
      height: 20,
      angle,
    });
  }
  t.is(joinLines([word(0, 40, 0), { ...word(0, 40, 0), y: 122 }]).length, 2);
  t.is(joinLines([word(0, 40, 0), word(80, 40, 0)]).length, 2);
  t.is(joinLines([word(0, 40, 0), { ...word(45, 40, 0), height: 60 }]).length, 2);
});
