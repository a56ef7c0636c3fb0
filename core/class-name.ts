import { type FloormeshError, InvalidInputError } from './errors.ts';
import { ISA_ARCHITECTURES, isaNamesOf, MEMORY_BAND_NAMES, type MemoryBand } from './hardware-class.ts';
import { nearest } from './nearest.ts';

/** What somebody says of a hardware class: its whole id, or only what matters to them. */
export interface ClassName {
  os?: string;
  arch?: string;
  libc?: string;
  isa?: string;
  memoryBand?: MemoryBand;
  runtime?: string;
  version?: string;
  provider?: string;
}

const RUNTIMES = ['onnxruntime-node', 'onnxruntime-web'];
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?$/;

/** The words that a part of a class may be, by the part. No word belongs to two of them. */
const WORDS: Record<Exclude<keyof ClassName, 'runtime' | 'version'>, readonly string[]> = {
  os: ['linux', 'darwin', 'win32'],
  arch: [...new Set([...ISA_ARCHITECTURES, 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x'])],
  libc: ['glibc', 'musl'],
  isa: [...new Set(ISA_ARCHITECTURES.flatMap(isaNamesOf))],
  memoryBand: MEMORY_BAND_NAMES,
  provider: ['cpu', 'wasm', 'webgpu', 'cuda', 'coreml', 'dml'],
};

/**
 * Reads the id of a hardware class, or a short form of it: some of its parts, joined by dashes. `arm64`, `x64-avx2`,
 * `wasm`, `linux-x64-glibc-avx2-m-onnxruntime-node-1.30.0-cpu`. Parts that are left out stay open, but an instruction
 * set implies its architecture, and `wasm` its runtime.
 *
 * @throws {InvalidInputError} naming the part that is not known, and the nearest one that is
 */
export function parseClassName(text: string): ClassName {
  const name: ClassName = {};
  for (const part of partsOf(text)) {
    const key = partKey(part);
    if (key === undefined) throw unknownPart(text, part);
    if (name[key] !== undefined && name[key] !== part)
      throw new InvalidInputError(`${text} names two of the same kind: ${name[key]} and ${part}`);
    Object.assign(name, { [key]: part });
  }
  const { isa, provider } = name;
  const arch = name.arch ?? (isa === undefined ? undefined : archOf(isa));
  if (arch !== undefined) name.arch = arch;
  if (isa !== undefined && arch !== undefined && !isaNamesOf(arch).includes(isa))
    throw new InvalidInputError(`${arch} has no instruction set ${isa}`, {
      hint: `Of ${arch}, there are: ${isaNamesOf(arch).join(', ')}.`,
    });
  if (provider === 'wasm') name.runtime ??= 'onnxruntime-web';
  return name;
}

/** Words between dashes, but the names of runtimes have dashes of their own. */
function partsOf(text: string): string[] {
  const [, before = text, runtime, after = ''] = /^(.*?)(onnxruntime-[a-z]+)(.*)$/.exec(text) ?? [];
  const words = (piece: string): string[] => piece.split('-').filter((word) => word !== '');
  const parts = [...words(before), ...(runtime === undefined ? [] : [runtime]), ...words(after)];
  if (parts.length === 0) throw new InvalidInputError('a hardware class has a name');
  return parts;
}

function partKey(part: string): keyof ClassName | undefined {
  if (RUNTIMES.includes(part)) return 'runtime';
  if (VERSION.test(part)) return 'version';
  return (Object.keys(WORDS) as (keyof typeof WORDS)[]).find((key) => WORDS[key].includes(part));
}

/** The architecture that alone has an instruction set. */
function archOf(isa: string): string | undefined {
  const having = ISA_ARCHITECTURES.filter((arch) => isaNamesOf(arch).includes(isa));
  return having.length === 1 ? having[0] : undefined;
}

function unknownPart(text: string, part: string): FloormeshError {
  const known = [...Object.values(WORDS).flat(), ...RUNTIMES];
  const close = nearest(part, known);
  return new InvalidInputError(`${text} is no hardware class: ${part.slice(0, 40)} is not known`, {
    hint:
      (close === undefined ? '' : `Did you mean ${close}? `) +
      'A class is written like arm64, x64-avx2, wasm, or with all its parts as floormesh explain shows it.',
  });
}
