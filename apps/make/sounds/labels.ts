/** What a source sound is for. No source serves two purposes. */
export type Use = 'calibration' | 'validation' | 'demo';

/** Shots and explosions, and what each serves. */
export const IMPULSIVE: Readonly<Record<string, Use>> = {
  DSPISTOL: 'calibration',
  DSBAREXP: 'calibration',
  DSSHOTGN: 'validation',
  DSRXPLOD: 'validation',
  DSFIRXPL: 'validation',
  DSBFG: 'validation',
  DSDSHTGN: 'demo',
  DSRLAUNC: 'demo',
};

/** Sounds that nobody could say of whether they are a shot: left out, by what they are. */
export const AMBIGUOUS: Readonly<Record<string, string>> = {
  DSFIRSHT: 'a fireball as it is thrown',
  DSPLASMA: 'a bolt of plasma as it is shot',
  DSSKEATK: 'a burning missile as it is shot',
};

/** What the other sounds (doors, switches, steps, saws, voices) serve: by turns, in the order of their names. */
export const QUIET_TURNS: readonly Use[] = [
  'calibration',
  'validation',
  'validation',
  'demo',
  'calibration',
  'validation',
];
