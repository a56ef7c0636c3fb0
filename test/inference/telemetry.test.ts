import { readdir } from 'node:fs/promises';
import test from 'ava';
import { silentLogger } from '../../core/index.ts';
import { proveRuntime } from '../../inference/index.ts';
import { runtimeTree } from '../helpers/runtimes.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('a runtime that runs a model leaves no telemetry behind, where it would keep some to send it', async (t) => {
  const { dir, manifest, remove } = await runtimeTree('onnxruntime-node');
  t.teardown(remove);
  const folder = await temporaryFolder(t);
  // It keeps its session and its log there; nothing else in this process reads these any more.
  process.env['TMPDIR'] = folder;
  delete process.env['ORT_DISABLE_TELEMETRY'];
  t.like(await proveRuntime({ dir, manifest, provider: 'cpu', log: silentLogger }), { ok: true });
  t.deepEqual(await readdir(folder), []);
});
