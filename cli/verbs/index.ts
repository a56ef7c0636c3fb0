import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { acceptVerb } from './accept.ts';
import { catalogVerb } from './catalog.ts';
import { configVerb } from './config.ts';
import { demoVerb } from './demo.ts';
import { deployVerb } from './deploy.ts';
import { eventsVerb } from './events.ts';
import { explainVerb } from './explain.ts';
import { inferVerb } from './infer.ts';
import { initVerb } from './init.ts';
import { nodesVerb } from './nodes.ts';
import { rolloutVerb } from './rollout.ts';
import { runVerb } from './run.ts';

/** Every verb, in the order of the help. Those under `node` come after the one that makes that command. */
export const VERBS: readonly ((program: Command, context: CliContext) => void)[] = [
  demoVerb,
  initVerb,
  runVerb,
  acceptVerb,
  catalogVerb,
  nodesVerb,
  deployVerb,
  rolloutVerb,
  explainVerb,
  inferVerb,
  eventsVerb,
  configVerb,
];
