import test, { type ExecutionContext } from 'ava';
import { decodePicture, decodeWav } from '../../inference/app/index.ts';
import type { SourceInit } from '../../node/index.ts';
import { explain } from '../../node/sources/media/explain.ts';
import { microphone } from '../helpers/alsa.ts';
import { hasFfmpeg } from '../helpers/ffmpeg.ts';
import { hasRtspServer, rtspServer } from '../helpers/rtsp-server.ts';
import { type Heard, listen, testSources } from '../helpers/sources.ts';
import { until } from '../helpers/until.ts';
import { vividCamera } from '../helpers/vivid.ts';

if (process.env['CI'] === 'true' && !(hasFfmpeg() && hasRtspServer()))
  throw new Error('ffmpeg or the RTSP server is missing: see .ci/run');
const withFfmpeg = hasFfmpeg() ? test.serial : test.skip;
/** Only a machine whose administrator has loaded the kernel's test driver has such a camera: CI has none. */
const vivid = await vividCamera();
const withVivid = hasFfmpeg() && vivid !== undefined ? test.serial : test.skip;
const withRtsp = hasFfmpeg() && hasRtspServer() ? test.serial : test.skip;

async function run(t: ExecutionContext, init: SourceInit): Promise<Heard> {
  const source = testSources().open(init, 'test');
  t.teardown(() => source.stop());
  const heard = listen();
  await source.start(heard);
  return heard;
}

withRtsp('camera: pictures of an RTSP stream come, and come again after its server was killed', async (t) => {
  const server = await rtspServer(t, 'h264');
  await server.start();
  const heard = await run(t, { name: 'cam', type: 'camera', url: `rtsp://${server.address}`, fps: 5 });
  await until('pictures came', () => heard.events.length >= 5);
  const picture = await decodePicture((await heard.events[1]?.read()) ?? new Uint8Array());
  t.like(picture, { width: 160, height: 120 });
  // The corner is as blue as the server paints it: it is its picture, and no grey of a broken stream.
  const [red = 0, green = 0, blue = 0] = picture.data;
  t.true(blue > green + 10 && green > red + 10, `${red} ${green} ${blue}`);
  const [first, last] = [heard.events[0]?.at ?? 0, heard.events[4]?.at ?? 0];
  t.true(last > first, 'it is live: its pictures have times of their own');

  await server.kill();
  await until('its absence was told', () => heard.states.at(-1) === 'ERR_SOURCE_UNREACHABLE');
  const { length } = heard.events;
  await server.start();
  await until('pictures came again', () => heard.events.length > length + 2);
  t.deepEqual(heard.states, ['ok', 'ERR_SOURCE_UNREACHABLE', 'ok']);
  t.is(new Set(heard.events.map(({ id }) => id)).size, heard.events.length);
});

withRtsp('camera: an RTSP server that asks for a password says so, and gets it', async (t) => {
  const access = { username: 'line', password: 'secret' };
  const server = await rtspServer(t, 'jpeg', access);
  await server.start();
  const camera = (user: string, path = server.address): SourceInit => ({
    name: 'cam',
    type: 'camera',
    url: `rtsp://${user}@${path}`,
    fps: 5,
    width: 16,
    height: 12,
    format: 'rgb',
  });
  const wrong = await run(t, camera('line:guess'));
  const lost = await run(t, camera('line:secret', server.address.replace('cam', 'none')));
  const right = await run(t, camera('line:secret'));
  await until('pixels came', () => right.events.length > 0);
  t.is((await right.events[0]?.read())?.byteLength, 16 * 12 * 3);
  await until('both were told', () => wrong.states.length > 0 && lost.states.length > 0);
  t.is(wrong.states[0], 'ERR_SOURCE_REFUSED');
  t.regex(wrong.reasons[0] ?? '', /401 Unauthorized.*name or password is not right/);
  t.false(wrong.reasons[0]?.includes('guess'));
  t.is(lost.states[0], 'ERR_SOURCE_UNREACHABLE');
  t.regex(lost.reasons[0] ?? '', /404 Not Found/);
});

withFfmpeg('audio: an ALSA device that is plugged in later is heard', async (t) => {
  const ear = await microphone(t);
  const init = { name: 'mic', type: 'audio', device: ear.device, rate: 8000, windowMs: 200 } as const;
  const heard = await run(t, init);
  await until('its absence was told', () => heard.states.length > 0);
  t.is(heard.states[0], 'ERR_SOURCE_UNREACHABLE');
  t.regex(heard.reasons[0] ?? '', /cannot open audio device press_ear.*`arecord -L` lists/);

  ear.sing(1000);
  await ear.plugIn();
  await until('sound came', () => heard.events.length >= 4);
  t.is(heard.states.at(-1), 'ok');
  const { rate, samples } = decodeWav((await heard.events[3]?.read()) ?? new Uint8Array());
  t.is(rate, 8000);
  const crossings = samples.filter((value, i) => i > 0 && value > 0 !== (samples[i - 1] ?? 0) > 0).length;
  t.true(Math.abs(crossings - 400) < 8, `${crossings} zero crossings in 0.2 s are not 1 kHz`);
});

withFfmpeg(
  'camera: a device is asked as ffmpeg wants to be asked, and one that is not there is told',
  async (t) => {
    const camera = (device: string): SourceInit => ({
      name: 'cam',
      type: 'camera',
      device,
      fps: 5,
      width: 1280,
      height: 720,
    });
    // ffmpeg reads all options before it opens the device: a wrong one would be what it complains about.
    const missing = await run(t, camera('/dev/video-none'));
    const none = await run(t, camera('/dev/null'));
    await until('both were told', () => missing.states.length > 0 && none.states.length > 0);
    t.regex(
      missing.reasons[0] ?? '',
      /source cam: Cannot open video device \/dev\/video-none.*`v4l2-ctl --list-devices` lists/,
    );
    t.regex(none.reasons[0] ?? '', /VIDIOC_QUERYCAP.*it is no camera/);
  },
);

withVivid(
  'camera: pictures of a V4L2 device come, in the size that was asked for, to one at a time',
  async (t) => {
    const camera = { name: 'cam', type: 'camera', device: vivid ?? '', fps: 2 } as const;
    const heard = await run(t, { ...camera, width: 640, height: 360 });
    await until('pictures came', () => heard.events.length >= 3);
    const { width, height, data } = await decodePicture((await heard.events[2]?.read()) ?? new Uint8Array());
    t.deepEqual([width, height], [640, 360]);
    const shades = new Set<number>();
    for (let at = 0; at + 2 < data.length; at += 3 * 41)
      shades.add(((data[at] ?? 0) >> 6) * 16 + ((data[at + 1] ?? 0) >> 6) * 4 + ((data[at + 2] ?? 0) >> 6));
    t.true(shades.size >= 6, `bars of ${shades.size} colours`);

    const second = await run(t, camera);
    await until('that it is taken was told', () => second.states.length > 0);
    t.is(second.states[0], 'ERR_SOURCE_UNREACHABLE');
    t.regex(second.reasons[0] ?? '', /another program uses it/);
  },
);

test('what ffmpeg says of a device or a stream becomes a code and an advice', (t) => {
  const told = (complaint: string, device?: 'v4l2' | 'alsa'): string => {
    const { code, message } = explain(complaint, device);
    return `${code} ${message}`;
  };
  t.regex(
    told('[video4linux2,v4l2 @ 0x55aa] Cannot open video device /dev/video0: Permission denied', 'v4l2'),
    /^ERR_SOURCE_REFUSED Cannot open .*group video/,
  );
  t.regex(
    told(
      '[alsa @ 0x55aa] cannot set channel count to 2 (Invalid argument)\nhw:1: Input/output error',
      'alsa',
    ),
    /^ERR_SOURCE_UNREACHABLE .*plughw:/,
  );
  t.regex(told('/dev/video0: Device or resource busy', 'v4l2'), /another program uses it/);
  t.regex(
    told('x\ny\nhttp://u:p@cam/a: Server returned 403 Forbidden (access denied)'),
    /^ERR_SOURCE_REFUSED y; http:\/\/cam\/a/,
  );
  t.is(told('Unknown protocol'), 'ERR_SOURCE_UNREACHABLE Unknown protocol');
});
