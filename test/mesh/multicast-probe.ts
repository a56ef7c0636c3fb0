import { multicastWorks } from '../../mesh/index.ts';

/** Runs by itself, in a network of its own. */
process.stdout.write(`${JSON.stringify(await multicastWorks())}\n`);
