import type { Settings } from 'floormesh/app';
import { compilePatterns } from './verdict.ts';

/** The app's settings, checked. */
export interface ReaderSettings {
  expected: RegExp[];
  required: RegExp[];
  minScore: number;
  pictureSide: number;
  detectionSide: number;
}

const MIN_SIDE = 32;
const MAX_SIDE = 4096;

/** @throws {TypeError} naming the setting that is wrong */
export function readSettings(settings: Readonly<Settings>): ReaderSettings {
  return {
    expected: compilePatterns(listOf(settings, 'expected')),
    required: compilePatterns(listOf(settings, 'required')),
    minScore: numberOf(settings, 'minScore', 0, 1),
    pictureSide: numberOf(settings, 'pictureSide', MIN_SIDE, 4 * MAX_SIDE),
    detectionSide: numberOf(settings, 'detectionSide', MIN_SIDE, MAX_SIDE),
  };
}

function listOf(settings: Readonly<Settings>, name: string): string[] {
  const value = settings[name];
  if (Array.isArray(value)) return value;
  throw new TypeError(`the setting ${name} must be a list of regular expressions`);
}

function numberOf(settings: Readonly<Settings>, name: string, low: number, high: number): number {
  const value = settings[name];
  if (typeof value === 'number' && value >= low && value <= high) return value;
  throw new TypeError(`the setting ${name} must be a number from ${low} to ${high}`);
}
