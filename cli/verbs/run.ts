import type { Command } from 'commander';
import { type Daemon, runDaemon } from '../compose/daemon.ts';
import type { Role } from '../config/schema.ts';
import { loadConfig } from '../config/load.ts';
import type { CliContext } from '../context.ts';

interface RunOptions {
  config: string;
  attached?: boolean;
}

const ABOUT = {
  bridge: 'the provider’s side: offers a catalog',
  gateway: 'the gateway of a site: pulls, rebuilds, rolls out',
  node: 'a machine of a site: installs and runs apps',
};

/** How each role starts. What a role is made of is loaded only where that role runs, so that verbs start quickly. */
const START: Record<Role, (config: string, env: NodeJS.ProcessEnv, signal: AbortSignal) => Promise<Daemon>> =
  {
    bridge: async (config, env, signal) =>
      (await import('../compose/bridge.ts')).startBridge(await loadConfig('bridge', config, env), signal),
    gateway: async (config, env, signal) =>
      (await import('../compose/gateway.ts')).startGateway(await loadConfig('gateway', config, env), signal),
    node: async (config, env, signal) =>
      (await import('../compose/node.ts')).startNode(await loadConfig('node', config, env), signal),
  };

/** `floormesh bridge|gateway|node run`: the three daemons. */
export function runVerb(program: Command, context: CliContext): void {
  for (const role of ['bridge', 'gateway', 'node'] as const)
    program
      .command(role)
      .description(ABOUT[role])
      .command('run')
      .description(`run the ${role} in the foreground until Ctrl-C`)
      .option('--config <file>', 'configuration file, or a folder that has a floormesh.yaml', '.')
      .option('--attached', 'end also when standard input closes: with the process that started it')
      .action((options: RunOptions) => {
        const signal =
          options.attached === true ? AbortSignal.any([context.signal, inputClosed()]) : context.signal;
        return runDaemon((until) => START[role](options.config, context.env, until), { ...context, signal });
      });
}

/** Aborted when standard input closes. What is written there is not read. */
function inputClosed(): AbortSignal {
  const closed = new AbortController();
  process.stdin.once('close', () => closed.abort()).resume();
  // An input that is still open must not keep a daemon alive that has ended.
  process.stdin.unref();
  return closed.signal;
}
