import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../core/index.ts';
import { type Proof, proveRuntime } from '../../inference/index.ts';
import { checkRuntime } from '../../inference/probe/check-runtime.ts';
import { expectedOutputs } from '../../inference/probe/expectation.ts';
import { type RuntimeName, runtimeTree, type RuntimeTree } from '../helpers/runtimes.ts';

/** An offset inside the code of the WebAssembly file, which has 14 MB. */
const MIDDLE = 7_000_000;

async function tree(t: ExecutionContext, name: RuntimeName): Promise<RuntimeTree> {
  const made = await runtimeTree(name);
  t.teardown(made.remove);
  return made;
}

function prove({ dir, manifest }: RuntimeTree, provider: string, signal?: AbortSignal): Promise<Proof> {
  return proveRuntime({ dir, manifest, provider, log: silentLogger, signal });
}

/** Replaces a file of the tree: it is a hard link to the installed one, which must stay as it is. */
async function alter(
  tree: RuntimeTree,
  pattern: RegExp,
  change: (bytes: Buffer) => Uint8Array,
): Promise<void> {
  const path = tree.files.find((file) => pattern.test(file));
  if (path === undefined) throw new Error(`no file is like ${pattern}`);
  const bytes = await readFile(join(tree.dir, path));
  await rm(join(tree.dir, path));
  await writeFile(join(tree.dir, path), change(bytes));
}

test('both runtimes are proven on this machine', async (t) => {
  t.deepEqual(await prove(await tree(t, 'onnxruntime-node'), 'cpu'), { ok: true, version: '1.30.0' });
  t.deepEqual(await prove(await tree(t, 'onnxruntime-web'), 'wasm'), { ok: true, version: '1.30.0' });
});

test('a provider that the machine has not is not proven', async (t) => {
  const proof = await prove(await tree(t, 'onnxruntime-node'), 'nonsense');
  t.like(proof, { ok: false });
  t.regex(proof.ok ? '' : proof.problem, /nonsense/);
});

test('a runtime whose code was altered is not proven', async (t) => {
  const altered = await tree(t, 'onnxruntime-node');
  await alter(altered, /dist\/binding\.js$/, () => Buffer.from('throw new Error("altered");'));
  t.like(await prove(altered, 'cpu'), { ok: false });
});

test('a runtime whose library was cut short is not proven, and takes only its child along', async (t) => {
  const cut = await tree(t, 'onnxruntime-node');
  await alter(cut, /libonnxruntime|\.dylib$|onnxruntime\.dll$/, (bytes) =>
    bytes.subarray(0, bytes.length / 2),
  );
  t.like(await prove(cut, 'cpu'), { ok: false });
});

test('a runtime whose WebAssembly was altered is not proven', async (t) => {
  const altered = await tree(t, 'onnxruntime-web');
  await alter(altered, /\.wasm$/, (bytes) => bytes.fill(0, MIDDLE, MIDDLE + 4096));
  t.like(await prove(altered, 'wasm'), { ok: false });
  await alter(altered, /\.wasm$/, () => new Uint8Array());
  t.like(await prove(altered, 'wasm'), { ok: false });
});

test('a proof that is given up rejects with the reason', async (t) => {
  const made = await tree(t, 'onnxruntime-web');
  const controller = new AbortController();
  const proof = prove(made, 'wasm', controller.signal);
  controller.abort(new RangeError('enough'));
  await t.throwsAsync(proof, { message: 'enough' });
});

test('a runtime that computes wrongly is found out by any single wrong element', async (t) => {
  const outputs = Object.fromEntries(
    Object.entries(expectedOutputs()).map(([name, values]) => [
      name,
      { type: 'float32' as const, dims: [values.length], data: Float32Array.from(values) },
    ]),
  );
  const runtime = {
    name: 'fake',
    version: '1.0.0',
    open: async () => ({ inputs: [], outputs: [], run: async () => outputs, close: async () => undefined }),
  };
  await t.notThrowsAsync(checkRuntime(runtime, 'cpu'));
  for (const output of Object.values(outputs)) {
    const last = output.data.length - 1;
    const right = output.data[last] ?? 0;
    output.data[last] = right + 1 + Math.abs(right) * 0.01;
    await t.throwsAsync(checkRuntime(runtime, 'cpu'), { code: 'ERR_RUNTIME_INVALID' });
    output.data[last] = right;
  }
});
