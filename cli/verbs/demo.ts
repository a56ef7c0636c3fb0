import { type Command, InvalidArgumentError } from 'commander';
import type { CliContext } from '../context.ts';
import { defineError } from '../../core/index.ts';

export const DemoFailedError = defineError(
  'DemoFailedError',
  'ERR_DEMO_FAILED',
  'Something that the demo claims did not happen.',
  'The report marks it with NO.',
);

interface DemoArguments {
  once?: boolean;
  emulate?: boolean;
  dir?: string;
  mdns: boolean;
  port?: number;
  json?: boolean;
}

/** `floormesh demo [--once] [--emulate]`. */
export function demoVerb(program: Command, context: CliContext): void {
  program
    .command('demo')
    .description('a whole site on this machine: bridge, gateway, three nodes, real models, live events')
    .option('--once', 'end by itself with a report; exit code 0 only if everything happened')
    .option('--emulate', 'add emulated machines (x64 with AVX2 only, arm64) where qemu is installed')
    .option('--dir <dir>', 'the site’s folder; it is made anew')
    .option('--no-mdns', 'let the nodes find the gateway by its address instead of multicast DNS')
    .option('--port <port>', 'port of the gateway’s API and status page', parsePort)
    .option('--json', 'print the report as one JSON document')
    .action(async (options: DemoArguments) => {
      const once = options.once === true;
      const { demo } = await import('../demo/demo.ts');
      const { ok } = await demo(
        {
          once,
          emulate: options.emulate === true,
          dir: options.dir,
          apiPort: options.port ?? (once ? 0 : 8470),
          mdns: options.mdns,
          json: options.json === true,
        },
        context,
      );
      if (!ok) throw new DemoFailedError();
    });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('not a port');
  return port;
}
