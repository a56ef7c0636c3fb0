import type { Command } from 'commander';
import { startBridge } from '../compose/bridge.ts';
import { runDaemon } from '../compose/daemon.ts';
import { startGateway } from '../compose/gateway.ts';
import { startNode } from '../compose/node.ts';
import { loadConfig } from '../config/load.ts';
import type { CliContext } from '../context.ts';

interface RunOptions {
  config: string;
}

const ABOUT = {
  bridge: 'The provider bridge: offers a catalog',
  gateway: 'The gateway of a site: pulls, rebuilds, rolls out',
  node: 'A node of a site: installs and runs apps',
};

/** `floormesh bridge|gateway|node run`: the three daemons. */
export function runVerb(program: Command, context: CliContext): void {
  const daemon = (role: keyof typeof ABOUT, start: (options: RunOptions) => Promise<void>): void => {
    program
      .command(role)
      .description(ABOUT[role])
      .command('run')
      .description(`run the ${role} in the foreground until Ctrl-C`)
      .option('--config <file>', 'configuration file, or a folder that has a floormesh.yaml', '.')
      .action(start);
  };
  daemon('bridge', (options) =>
    runDaemon(async () => startBridge(await loadConfig('bridge', options.config, context.env)), context),
  );
  daemon('gateway', (options) =>
    runDaemon(async () => startGateway(await loadConfig('gateway', options.config, context.env)), context),
  );
  daemon('node', (options) =>
    runDaemon(async () => startNode(await loadConfig('node', options.config, context.env)), context),
  );
}
