import test from 'ava';
import { digestOf, hardwareClass, type MemoryBand, nearestClass, saturatesInt8 } from '../../core/index.ts';

function named(arch: string, isa: string, runtime = 'onnxruntime-node', band: MemoryBand = 'm') {
  const [name = '', version = '1.30.0'] = runtime.split('@');
  return hardwareClass({
    os: 'linux',
    arch,
    libc: 'glibc',
    isa,
    memoryBand: band,
    runtime: {
      name,
      version,
      digest: digestOf(runtime),
      provider: name === 'onnxruntime-web' ? 'wasm' : 'cpu',
    },
  });
}

const avx2 = named('x64', 'avx2');
const sse = named('x64', 'sse42');
const avx512 = named('x64', 'avx512');
const vnni = named('x64', 'avx512vnni');
const amx = named('x64', 'amx');
const avxvnni = named('x64', 'avxvnni');
const older = named('x64', 'avx2', 'onnxruntime-node@1.24.3');
const small = named('x64', 'avx2', 'onnxruntime-node', 's');
const wasm = named('x64', 'avx2', 'onnxruntime-web');
const arm = named('arm64', 'dotprod');

const CASES: [string, typeof avx2, (typeof avx2)[], typeof avx2 | undefined][] = [
  ['the nearest instruction set', sse, [vnni, avx512, avx2], avx2],
  ['8-bit products of the same kind before a near name', avxvnni, [avx2, avx512, vnni], vnni],
  ['8-bit products of the same kind, the other way', avx512, [avxvnni, vnni, avx2], avx2],
  ['the same instruction set in another memory band', avx2, [sse, small], small],
  ['the same runtime version before the same memory band', avx2, [older, small], small],
  ['no other kind of runtime', avx2, [wasm], undefined],
  ['no other architecture', arm, [avx2, amx], undefined],
  ['nothing of nothing', avx2, [], undefined],
];

for (const [what, target, others, expected] of CASES)
  test(`the nearest class is ${what}`, (t) => {
    t.is(nearestClass(target, others), expected);
    t.is(nearestClass(target, others.toReversed()), expected);
  });

test('8-bit products saturate on x64 without VNNI alone', (t) => {
  t.deepEqual([sse, avx2, avx512, avxvnni, vnni, amx, arm].map(saturatesInt8), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
