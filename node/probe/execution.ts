import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { parseJson } from '../../core/index.ts';
import { PROBE_TIMEOUT_MS } from '../constants.ts';

const run = promisify(execFile);

/** What the programs that run apps are run by: the node's own Node.js, or another one, perhaps emulated. */
export interface Execution {
  arch: string;
  platform: string;
  /** Version of Node.js, without the v. */
  node: string;
  /** `glibc`, `musl`, or empty where there is neither. */
  libc: string;
  /** Whether something stands between the program and the CPU, so that /proc/cpuinfo tells of another one. */
  emulated: boolean;
  /** What V8 found the CPU to have, by V8's names. Empty unless it was measured. */
  v8Features: string[];
}

/**
 * Under user-mode emulation the program and the process are two files: `/proc/self/exe` is answered by the emulator,
 * `/proc/thread-self/exe` by the kernel.
 */
const DESCRIBE = `(() => {
  const fs = process.getBuiltinModule('node:fs');
  const link = (path) => { try { return fs.readlinkSync(path); } catch { return ''; } };
  const report = process.platform === 'linux' ? process.report.getReport().header : {};
  process.stdout.write(JSON.stringify({
    arch: process.arch, platform: process.platform, node: process.versions.node,
    glibc: report.glibcVersionRuntime !== undefined,
    emulated: link('/proc/thread-self/exe') !== link('/proc/self/exe'),
  }));
})()`;

/** Finds out what runs programs here, by running some where that is not this very process. */
export async function measureExecution(
  execPath: string,
  options: { signal?: AbortSignal } = {},
): Promise<Execution> {
  if (execPath === process.execPath && !isEmulated()) {
    const { arch, platform, versions } = process;
    return { arch, platform, node: versions.node, libc: ownLibc(), emulated: false, v8Features: [] };
  }
  const limits = { timeout: PROBE_TIMEOUT_MS, maxBuffer: 4 * 1024 * 1024, signal: options.signal };
  const [described, help] = await Promise.all([
    run(execPath, ['-e', DESCRIBE], limits),
    // V8 heads its list of flags with what it found by CPUID: the only such list that needs no native code.
    run(execPath, ['--v8-options'], limits),
  ]);
  const value = parseJson(new TextEncoder().encode(described.stdout), 10_000) as Record<string, unknown>;
  const platform = String(value['platform']);
  return {
    arch: String(value['arch']),
    platform,
    node: String(value['node']),
    libc: platform === 'linux' ? (value['glibc'] === true ? 'glibc' : 'musl') : '',
    emulated: value['emulated'] === true,
    v8Features: parseV8Features(help.stdout),
  };
}

/** The features that are on in the first line of `node --v8-options`: `SSE3=1 SSSE3=1 AVX2=0 …`. */
export function parseV8Features(help: string): string[] {
  const pairs = help.slice(0, 2000).matchAll(/\b([A-Z][A-Z0-9_]+)=([01])\b/g);
  return [...pairs].filter(([, , on]) => on === '1').map(([, feature]) => feature as string);
}

function isEmulated(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return readlinkSync('/proc/thread-self/exe') !== readlinkSync('/proc/self/exe');
  } catch {
    return false;
  }
}

function ownLibc(): string {
  if (process.platform !== 'linux') return '';
  const report: unknown = process.report.getReport();
  const header = (report as { header?: { glibcVersionRuntime?: string } }).header;
  return header?.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}
