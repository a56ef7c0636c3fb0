import { type Logger, type RuntimeManifest } from '../../core/index.ts';
import { siblingModule } from '../child/entry.ts';
import { spawnChild } from '../child/spawn-child.ts';
import { PROVE_TIMEOUT_MS } from '../constants.ts';

export interface ProofInit {
  /** Folder of the installed runtime. */
  dir: string;
  manifest: RuntimeManifest;
  /** Execution provider to prove: `cpu`, `wasm`, `webgpu`, … */
  provider: string;
  execPath?: string;
  log: Logger;
  signal?: AbortSignal;
}

export type Proof = { ok: true; version: string } | { ok: false; problem: string };

/**
 * Whether a runtime works on this machine, found out by running it: in a child process, so that one that crashes or
 * hangs is only one that does not work. Rejects with the signal's reason alone.
 */
export async function proveRuntime(init: ProofInit): Promise<Proof> {
  const { dir, manifest, provider, execPath, log, signal } = init;
  signal?.throwIfAborted();
  const child = spawnChild({
    entry: siblingModule(import.meta.url, '../children/probe'),
    ...(execPath === undefined ? {} : { execPath }),
    name: `probe of ${manifest.name} ${manifest.version}`,
    log,
  });
  try {
    await child.request(
      'prove',
      { dir, manifest, provider },
      { timeoutMs: PROVE_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) },
    );
    return { ok: true, version: manifest.version };
  } catch (error) {
    signal?.throwIfAborted();
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    await child.stop();
  }
}
