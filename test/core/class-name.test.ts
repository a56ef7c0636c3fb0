import test from 'ava';
import { InvalidInputError, parseClassName } from '../../core/index.ts';

test('the whole id of a class has all its parts', (t) => {
  t.deepEqual(parseClassName('linux-arm64-glibc-dotprod-m-onnxruntime-node-1.30.0-cpu'), {
    os: 'linux',
    arch: 'arm64',
    libc: 'glibc',
    isa: 'dotprod',
    memoryBand: 'm',
    runtime: 'onnxruntime-node',
    version: '1.30.0',
    provider: 'cpu',
  });
});

test('a short form leaves the rest open', (t) => {
  t.deepEqual(parseClassName('arm64'), { arch: 'arm64' });
  t.deepEqual(parseClassName('x64-avx2'), { arch: 'x64', isa: 'avx2' });
  t.deepEqual(parseClassName('wasm'), { provider: 'wasm', runtime: 'onnxruntime-web' });
});

test('an instruction set says which architecture is meant, unless several have it', (t) => {
  t.deepEqual(parseClassName('avx512vnni'), { arch: 'x64', isa: 'avx512vnni' });
  t.deepEqual(parseClassName('i8mm-s'), { arch: 'arm64', isa: 'i8mm', memoryBand: 's' });
  t.deepEqual(parseClassName('baseline'), { isa: 'baseline' });
});

for (const [text, message, hint] of [
  ['x86-avx2', /x86 is not known/, /A class is written like/],
  ['x64-avx3', /avx3 is not known/, /Did you mean avx2\?/],
  ['linus-x64', /linus is not known/, /Did you mean linux\?/],
  ['x64-neon', /x64 has no instruction set neon/, /avx2/],
  ['x64-arm64', /two of the same kind/, /./],
  ['', /has a name/, /./],
  ['onnxruntime-python', /onnxruntime-python is not known/, /./],
] as const)
  test(`${text === '' ? 'nothing' : text} is refused, with the nearest name`, (t) => {
    const error = t.throws(() => parseClassName(text), { instanceOf: InvalidInputError, message });
    t.regex(error.hint, hint);
  });
