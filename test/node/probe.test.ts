import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { fingerprintOf, parseConfiguration } from '../../core/index.ts';
import { probeConfiguration } from '../../node/index.ts';
import { cpuFeaturesOf, cpuinfoFlags } from '../../node/probe/cpu-features.ts';
import { measureExecution, parseV8Features } from '../../node/probe/execution.ts';

const XEON = 'processor : 0\nflags\t\t: fpu sse4_2 avx avx2 fma avx512f avx512_vnni hypervisor\n';
const NATIVE = { arch: 'x64', emulated: false, v8Features: [] };

test('a machine has the same configuration whenever it is probed', async (t) => {
  const init = { labels: { line: '4' }, sources: [], actions: [] };
  const [first, second] = await Promise.all([probeConfiguration(init), probeConfiguration(init)]);
  t.is(fingerprintOf(first), fingerprintOf(second));
  t.deepEqual(parseConfiguration(first), first);
});

test('a configuration lists what can be granted, the built-in alarm first', async (t) => {
  const configuration = await probeConfiguration({
    memoryMiB: 700,
    sources: [
      { name: 'camera', type: 'folder', path: '/tmp/camera', event: 'picture' },
      { name: 'inbox', type: 'folder', path: '/tmp/inbox' },
    ],
    actions: [{ name: 'publish', type: 'mqtt', url: 'mqtt://127.0.0.1', topic: 'labels' }],
  });
  t.is(configuration.memory.grantMiB, 700);
  t.deepEqual(configuration.sources, [
    { name: 'camera', type: 'folder', event: 'picture' },
    { name: 'inbox', type: 'folder' },
  ]);
  t.deepEqual(configuration.actions, [
    { name: 'alarm', type: 'alarm' },
    { name: 'publish', type: 'mqtt' },
  ]);
});

test('only instruction sets that matter are listed, sorted', (t) => {
  t.deepEqual(cpuFeaturesOf(NATIVE, XEON), ['avx', 'avx2', 'avx512_vnni', 'avx512f', 'fma', 'sse4_2']);
  t.deepEqual(cpuinfoFlags('Features : fp asimd asimddp'), ['fp', 'asimd', 'asimddp']);
});

test('an emulated CPU has what was measured in it, not what the host has', (t) => {
  const haswell = {
    arch: 'x64',
    emulated: true,
    v8Features: ['SSE4_2', 'AVX', 'AVX2', 'FMA3', 'F16C', 'SAHF'],
  };
  t.deepEqual(cpuFeaturesOf(haswell, XEON), ['avx', 'avx2', 'f16c', 'fma', 'sse4_2']);
});

test('an arm64 CPU has its baseline even where /proc/cpuinfo shows another machine', (t) => {
  t.deepEqual(cpuFeaturesOf({ arch: 'arm64', emulated: false, v8Features: [] }, XEON), ['asimd']);
});

test('what the operator states counts before everything else', (t) => {
  t.deepEqual(cpuFeaturesOf(NATIVE, XEON, ['avx2', 'avx', 'avx2']), ['avx', 'avx2']);
});

test("V8's own list of features is read from its help", (t) => {
  t.deepEqual(parseV8Features('SSE3=1 AVX=1 AVX2=0 FMA3=1\nSynopsis:\n  --flag'), ['SSE3', 'AVX', 'FMA3']);
});

test('another executable is asked what it is', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-probe-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const wrapper = join(dir, 'node');
  await writeFile(wrapper, `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
  await chmod(wrapper, 0o755);
  const execution = await measureExecution(wrapper);
  t.is(execution.arch, process.arch);
  t.is(execution.node, process.versions.node);
  t.false(execution.emulated);
});

(hasQemu() ? test : test.skip)('under an emulated Haswell only what a Haswell has is seen', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'floormesh-probe-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const wrapper = join(dir, 'node');
  await writeFile(wrapper, `#!/bin/sh\nexec qemu-x86_64 -cpu Haswell ${process.execPath} "$@"\n`);
  await chmod(wrapper, 0o755);
  const { cpu } = await probeConfiguration({ execPath: wrapper });
  t.deepEqual(cpu.features, ['avx', 'avx2', 'f16c', 'fma', 'sse4_2']);
  t.is(cpu.vendor, 'emulated');
});

function hasQemu(): boolean {
  if (process.arch !== 'x64') return false;
  try {
    execFileSync('qemu-x86_64', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
