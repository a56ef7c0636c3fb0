import test from 'ava';
import sharp from 'sharp';
import {
  decodePicture,
  encodePicture,
  fitWithin,
  type Picture,
  PictureInvalidError,
  pictureTensor,
  type Tensor,
} from '../../../inference/app/index.ts';

/** A picture whose every pixel says where it is. */
function chart(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1)
    data.set([(i % width) * 3, Math.floor(i / width) * 5, (i * 7) % 256], i * 3);
  return { width, height, data };
}

test('a PNG gives back the pixels that it was made from', async (t) => {
  const picture = chart(31, 17);
  const bytes = await encodePicture(picture, 'png');
  t.deepEqual(await decodePicture(bytes), picture);
});

test('a JPEG gives back nearly the pixels that it was made from', async (t) => {
  const picture = fitWithin(chart(40, 20), 40);
  picture.data.forEach((_, i) => (picture.data[i] = Math.floor(i / 3 / 40) * 10));
  const decoded = await decodePicture(await encodePicture(picture, 'jpeg', { quality: 95 }));
  t.is(decoded.width, 40);
  t.true(decoded.data.every((value, i) => Math.abs(value - picture.data[i]!) < 12));
});

test('grey, 16-bit and transparent pictures become three bytes a pixel', async (t) => {
  const grey = await sharp(Buffer.from([10, 200]), { raw: { width: 2, height: 1, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  t.deepEqual([...(await decodePicture(grey)).data], [10, 10, 10, 200, 200, 200]);

  const deep = await sharp(Buffer.from([10, 20, 30]), { raw: { width: 1, height: 1, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toBuffer();
  t.deepEqual([...(await decodePicture(deep)).data], [10, 20, 30]);

  const clear = await sharp(Buffer.from([9, 9, 9, 0, 9, 9, 9, 255]), {
    raw: { width: 2, height: 1, channels: 4 },
  })
    .png()
    .toBuffer();
  t.deepEqual([...(await decodePicture(clear)).data], [255, 255, 255, 9, 9, 9]);
});

test('a picture is turned as its EXIF orientation says', async (t) => {
  const bytes = await sharp(chart(30, 10).data, { raw: { width: 30, height: 10, channels: 3 } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  const { width, height } = await decodePicture(bytes);
  t.deepEqual([width, height], [10, 30]);
});

test('a large picture is scaled down as it is read, a small one is not scaled up', async (t) => {
  const bytes = await encodePicture(chart(200, 100), 'jpeg');
  const { width, height, data } = await decodePicture(bytes, { maxSide: 50 });
  t.deepEqual([width, height, data.length], [50, 25, 50 * 25 * 3]);
  t.is((await decodePicture(bytes, { maxSide: 900 })).width, 200);
});

test('bytes that are no picture, or half of one, are refused by name', async (t) => {
  const whole = await encodePicture(chart(64, 64), 'jpeg');
  for (const bytes of [new Uint8Array(), new TextEncoder().encode('hello'), whole.subarray(0, 700)]) {
    await t.throwsAsync(decodePicture(bytes), {
      instanceOf: PictureInvalidError,
      code: 'ERR_PICTURE_INVALID',
    });
  }
});

test('a picture that would decode to too many pixels is refused before it is decoded', async (t) => {
  const bomb = await sharp({ create: { width: 12_000, height: 6000, channels: 3, background: 'black' } })
    .png()
    .toBuffer();
  t.true(bomb.length < 1_000_000);
  await t.throwsAsync(decodePicture(bomb), { instanceOf: PictureInvalidError });
});

test('a picture whose data do not fit its sides is a mistake of the program', async (t) => {
  await t.throwsAsync(encodePicture({ width: 2, height: 2, data: new Uint8Array(3) }, 'png'), {
    instanceOf: TypeError,
  });
});

function hundredths(tensor: Tensor): number[] {
  return [...(tensor.data as Float32Array)].map((value) => Math.round(value * 100) / 100);
}

test('a tensor holds the channels as planes, normalised, in the order that the model wants', (t) => {
  const picture = { width: 2, height: 1, data: Uint8Array.of(255, 0, 51, 0, 255, 102) };
  const rgb = pictureTensor(picture, { mean: [0, 0, 0], std: [1, 1, 1] });
  t.deepEqual(rgb.dims, [1, 3, 1, 2]);
  t.deepEqual(hundredths(rgb), [1, 0, 0, 1, 0.2, 0.4]);
  const bgr = pictureTensor(picture, { mean: [0.5, 0, 0], std: [0.5, 1, 0.25], order: 'bgr' });
  t.deepEqual(hundredths(bgr), [-0.6, -0.2, 0, 1, 4, 0]);
});
