/** The models that the benchmark rebuilds, and what must come out of it. */
import type { RebuildCase } from '../case.ts';
import { detector } from './detector.ts';
import { fashion, fashionSingle } from './fashion.ts';
import { impulse } from './impulse.ts';
import { large } from './large.ts';
import { mnist } from './mnist.ts';
import { denseNet, resNet } from './networks.ts';
import { recogniser } from './recogniser.ts';
import { transformer } from './transformer.ts';
import { voice } from './voice.ts';

export const cases: readonly RebuildCase[] = [
  fashion,
  fashionSingle,
  mnist,
  recogniser,
  detector,
  transformer,
  impulse,
  voice,
  denseNet,
  resNet,
  large,
];
