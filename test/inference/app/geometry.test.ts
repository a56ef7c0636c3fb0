import test from 'ava';
import {
  cropPicture,
  fitHeight,
  fitWithin,
  type Picture,
  resizePicture,
  rotatePicture,
  straighten,
} from '../../../inference/app/index.ts';

function paint(width: number, height: number, at: (x: number, y: number) => number): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1)
    data.fill(at(i % width, Math.floor(i / width)), i * 3, i * 3 + 3);
  return { width, height, data };
}

/** The first channel, row by row. */
function grey({ data }: Picture): number[] {
  return [...data.filter((_, i) => i % 3 === 0)];
}

test('a crop is the part that was asked for, cut at the edges of the picture', (t) => {
  const picture = paint(5, 4, (x, y) => y * 10 + x);
  t.deepEqual(grey(cropPicture(picture, { x: 1, y: 2, width: 2, height: 2 })), [21, 22, 31, 32]);
  t.deepEqual(grey(cropPicture(picture, { x: 3, y: -1, width: 9, height: 2 })), [3, 4]);
  t.throws(() => cropPicture(picture, { x: 7, y: 0, width: 2, height: 2 }), { instanceOf: TypeError });
});

test('quarter turns are exact', (t) => {
  const picture = paint(3, 2, (x, y) => y * 10 + x);
  const turned = rotatePicture(picture, Math.PI / 2);
  t.deepEqual([turned.width, turned.height], [2, 3]);
  t.deepEqual(grey(turned), [10, 0, 11, 1, 12, 2]);
  t.deepEqual(grey(rotatePicture(picture, Math.PI)), [12, 11, 10, 2, 1, 0]);
  t.deepEqual(rotatePicture(rotatePicture(picture, -Math.PI / 2), Math.PI / 2), picture);
});

test('straightening undoes a turn', (t) => {
  const angle = 0.3;
  // A bright bar of 60 by 12 around (50, 50), turned clockwise.
  const picture = paint(100, 100, (x, y) => {
    const [dx, dy] = [x + 0.5 - 50, y + 0.5 - 50];
    const along = dx * Math.cos(angle) + dy * Math.sin(angle);
    const across = dy * Math.cos(angle) - dx * Math.sin(angle);
    return Math.abs(along) < 30 && Math.abs(across) < 6 ? 250 : 10;
  });
  const bar = straighten(picture, { x: 50, y: 50, width: 54, height: 8, angle });
  t.deepEqual([bar.width, bar.height], [54, 8]);
  t.true(grey(bar).every((value) => value > 200));
  const wrong = straighten(picture, { x: 50, y: 50, width: 54, height: 8, angle: -angle });
  t.true(grey(wrong).filter((value) => value < 100).length > 100);
});

test('scaling keeps an even area even and a ramp a ramp', (t) => {
  t.true(
    grey(
      resizePicture(
        paint(37, 23, () => 93),
        11,
        40,
      ),
    ).every((value) => value === 93),
  );
  const ramp = grey(
    resizePicture(
      paint(64, 1, (x) => x * 4),
      16,
      1,
    ),
  );
  t.true(
    ramp.slice(1, -1).every((value, i) => (value - ramp[i]! >= 15 && value - ramp[i]! <= 17) || i === 0),
  );
});

test('scaling down looks at every pixel', (t) => {
  const stripes = paint(64, 8, (x) => (x % 2 === 0 ? 200 : 100));
  t.true(grey(resizePicture(stripes, 8, 8)).every((value) => Math.abs(value - 150) < 12));
});

test('sides that no picture may have are refused', (t) => {
  const picture = paint(4, 4, () => 0);
  for (const side of [0, -3, 2.5, NaN, 1e6])
    t.throws(() => resizePicture(picture, side, 4), { instanceOf: TypeError });
});

test('fitting keeps to the side and to the multiple', (t) => {
  const sides = (picture: Picture): [number, number] => [picture.width, picture.height];
  t.deepEqual(
    sides(
      fitWithin(
        paint(1280, 960, () => 0),
        640,
        32,
      ),
    ),
    [640, 480],
  );
  t.deepEqual(
    sides(
      fitWithin(
        paint(1000, 30, () => 0),
        650,
        32,
      ),
    ),
    [640, 32],
  );
  t.deepEqual(
    sides(
      fitWithin(
        paint(20, 10, () => 0),
        640,
      ),
    ),
    [20, 10],
  );
  const bounds = { minWidth: 48, maxWidth: 320, multiple: 16 };
  t.deepEqual(
    sides(
      fitHeight(
        paint(200, 100, () => 0),
        48,
        bounds,
      ),
    ),
    [96, 48],
  );
  t.deepEqual(
    sides(
      fitHeight(
        paint(5, 100, () => 0),
        48,
        bounds,
      ),
    ),
    [48, 48],
  );
  t.deepEqual(
    sides(
      fitHeight(
        paint(4000, 40, () => 0),
        48,
        bounds,
      ),
    ),
    [320, 48],
  );
});
