import type { Command } from 'commander';
import type { Candidate, RebuildReport } from '../../core/index.ts';
import type { Explanation } from '../../gateway/api/index.ts';
import { openClient } from '../client.ts';
import type { CliContext } from '../context.ts';
import { formatBytes, formatMs } from '../format.ts';
import { facts, printable, table } from '../table.ts';
import { type GatewayOptions, gatewayOptions, print } from '../verb.ts';

/** `floormesh explain NODE [DEPLOYMENT]`: why a node has what it has, and what was rejected. */
export function explainVerb(program: Command, context: CliContext): void {
  const command = program
    .command('explain')
    .argument('<node>', 'name or peer id')
    .argument('[deployment]', 'only this deployment')
    .description('why a node has the builds that it has, and what was rejected and why');
  gatewayOptions(command).action(
    async (node: string, deployment: string | undefined, options: GatewayOptions) => {
      const client = await openClient(options, context);
      const query = deployment === undefined ? '' : `?deployment=${encodeURIComponent(deployment)}`;
      const explanation = await client.get<Explanation>(`explain/${encodeURIComponent(node)}${query}`);
      print(context, options.json, explanation, () => describe(explanation));
    },
  );
}

function describe(explanation: Explanation): string {
  const { runtime, runtimes, deployments } = explanation;
  const about = facts({
    node: explanation.name,
    fingerprint: explanation.fingerprint,
    'hardware class': explanation.hardwareClass ?? 'none: no runtime is proven there yet',
    runtime: runtime === null ? 'none' : `${runtime.name} ${runtime.version} on ${runtime.provider}`,
    'runtimes tried': runtimes.map(({ name, version, state }) => `${name} ${version} ${state}`).join(', '),
  });
  if (deployments.length === 0) return `${about}\nNothing is deployed on this node.\n`;
  return [about, ...deployments.map(deploymentText)].join('\n');
}

function deploymentText(deployment: Explanation['deployments'][number]): string {
  const head = `${deployment.deployment} revision ${deployment.revision}: app ${deployment.app}\n`;
  const variant = `variant ${deployment.variant ?? 'none'}: ${deployment.variantReason}\n`;
  const missing = deployment.unsatisfied.map(({ message }) => `missing: ${message}\n`).join('');
  const models = Object.entries(deployment.models).map(([alias, { model, report }]) =>
    report === null ? `\n${alias}: ${model}, not rebuilt yet\n` : `\n${reportText(alias, report)}`,
  );
  return printable(head).trimEnd() + '\n' + printable(variant).trimEnd() + '\n' + missing + models.join('');
}

function reportText(alias: string, report: RebuildReport): string {
  const { model, objective, maxDrop, measuredBy, candidates, chosen } = report;
  const head =
    `${alias}: ${model.name} ${model.version} (${formatBytes(model.size)}), best ${objective} with at most ` +
    `${maxDrop} of the metric lost, measured by ${measuredBy}`;
  const rows = candidates.map((candidate) => [
    candidate.recipe === chosen ? `* ${candidate.recipe}` : `  ${candidate.recipe}`,
    candidate.build === undefined ? '' : formatBytes(candidate.build.size),
    accuracyText(candidate.accuracy),
    candidate.measurement === undefined ? '' : formatMs(candidate.measurement.p50Ms),
    candidate.measurement === undefined ? '' : `${Math.round(candidate.measurement.peakMemoryMiB)} MiB`,
    candidate.verdict ?? candidate.problem ?? '',
  ]);
  const right = ['SIZE', 'ACCURACY', 'P50', 'MEMORY'];
  return `${printable(head)}\n${table(['  RECIPE', ...right, 'VERDICT'], rows, right)}`;
}

/** Without labels the figure is agreement with the original, which says less: marked by `~`. */
function accuracyText(accuracy: Candidate['accuracy']): string {
  if (accuracy === undefined) return '';
  return `${accuracy.labelled ? '' : '~'}${(accuracy.build * 100).toFixed(1)} %`;
}
