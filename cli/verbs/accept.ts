import type { Command } from 'commander';
import { openClient } from '../client.ts';
import type { CliContext } from '../context.ts';
import { type GatewayOptions, gatewayOptions, print } from '../verb.ts';

/** `floormesh node accept NODE [DEPLOYMENT]`: an operator's consent to what waits on a node. */
export function acceptVerb(program: Command, context: CliContext): void {
  const node = program.commands.find((command) => command.name() === 'node') ?? program.command('node');
  const command = node
    .command('accept')
    .argument('<node>', 'name or peer id')
    .argument('[deployment]', 'only what waits for this deployment')
    .description('consent to updates that wait on a node');
  gatewayOptions(command).action(
    async (name: string, deployment: string | undefined, options: GatewayOptions) => {
      const client = await openClient(options, context);
      const path = `nodes/${encodeURIComponent(name)}/accept`;
      const answer = await client.post<{ accepted: number }>(path, { deployment });
      print(context, options.json, answer, () =>
        answer.accepted === 0
          ? `Nothing waits for consent on ${name}.\n`
          : `${name} now installs ${answer.accepted === 1 ? 'the package' : `${answer.accepted} packages`} that waited.\n`,
      );
    },
  );
}
