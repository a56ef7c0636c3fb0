import type { Execution } from './execution.ts';

/** Instruction sets that change which kernels a runtime picks, by the names of /proc/cpuinfo. All others are left out. */
const RELEVANT: Record<string, readonly string[]> = {
  x64: [
    'amx_bf16',
    'amx_int8',
    'amx_tile',
    'avx',
    'avx2',
    'avx512_bf16',
    'avx512_fp16',
    'avx512_vnni',
    'avx512bw',
    'avx512f',
    'avx512vl',
    'avx_vnni',
    'f16c',
    'fma',
    'sse4_2',
  ],
  arm64: ['asimd', 'asimddp', 'asimdhp', 'bf16', 'i8mm', 'sve', 'sve2'],
};

/** What V8 calls them. It knows nothing of AVX-512 and AMX; no user-mode emulator has those. */
const V8_NAMES: Record<string, string> = {
  SSE4_2: 'sse4_2',
  AVX: 'avx',
  AVX2: 'avx2',
  AVX_VNNI: 'avx_vnni',
  FMA3: 'fma',
  F16C: 'f16c',
  DOTPROD: 'asimddp',
  FP16: 'asimdhp',
};

/** What every CPU of an architecture has, whatever else is known of it. */
const BASELINE: Record<string, readonly string[]> = { arm64: ['asimd'] };

/**
 * The instruction sets of the CPU that apps see, sorted. Pure. The operator's word counts first; an emulated CPU has
 * what was measured in it, since /proc/cpuinfo shows the host's; a real one has what /proc/cpuinfo lists.
 */
export function cpuFeaturesOf(
  execution: Pick<Execution, 'arch' | 'emulated' | 'v8Features'>,
  cpuinfo: string,
  stated?: readonly string[],
): string[] {
  const { arch, emulated, v8Features } = execution;
  if (stated !== undefined) return [...new Set(stated)].sort();
  const known = emulated ? v8Features.map((feature) => V8_NAMES[feature] ?? '') : cpuinfoFlags(cpuinfo);
  const relevant = RELEVANT[arch] ?? [];
  return [...new Set([...(BASELINE[arch] ?? []), ...known.filter((flag) => relevant.includes(flag))])].sort();
}

/** Flags of the first processor. x86 calls the line `flags`, Arm `Features`. */
export function cpuinfoFlags(cpuinfo: string): string[] {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo);
  return line?.[1]?.trim().split(/\s+/) ?? [];
}
