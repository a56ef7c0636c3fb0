import type { Command } from 'commander';

/** How each verb is called, as its help shows it: what follows `floormesh`. */
export const EXAMPLES: Record<string, string> = {
  demo: 'demo --once',
  'init app': 'init app press-lamp',
  'init bridge': 'init bridge bridge --name acme --listen /ip4/0.0.0.0/tcp/4410',
  'init gateway':
    'init gateway gateway --name plant-7 --bridge /ip4/192.0.2.10/tcp/4410/p2p/PEER_ID --publisher KEY',
  'init node': 'init node node --name press-3 --gateway ../gateway --memory 768MiB',
  'bridge run': 'bridge run --config bridge',
  'gateway run': 'gateway run --config gateway',
  'gateway gc': 'gateway gc --dry-run',
  'node run': 'node run --config node',
  'node accept': 'node accept press-3 label-reader',
  'catalog ls': 'catalog ls model',
  'catalog show': 'catalog show model impulse',
  'catalog add': 'catalog add ./my-model --bridge ./bridge',
  'nodes ls': 'nodes ls --json',
  'nodes show': 'nodes show press-3',
  'nodes fingerprint': 'nodes fingerprint press-3',
  deploy: 'deploy label-reader --to label.line=3 --source camera --auto-update',
  undeploy: 'undeploy label-reader',
  rollback: 'rollback label-reader --to 2',
  'rollout ls': 'rollout ls',
  'rollout show': 'rollout show label-reader-2',
  'rollout watch': 'rollout watch label-reader-2',
  'rollout pause': 'rollout pause label-reader-2',
  'rollout resume': 'rollout resume label-reader-2',
  explain: 'explain press-3 label-reader',
  infer: 'infer label-reader --input picture.jpg --node press-3',
  events: 'events --follow --type alarm',
  'alarms ls': 'alarms ls --open',
  'alarms ack': 'alarms ack 17 18 --note "belt cleaned"',
  'alarms save': 'alarms save 17 alarm.jpg',
  'samples ls': 'samples ls press-3',
  'samples save': 'samples save press-3 ./samples --deployment label-reader',
  'app run': 'app run press-lamp --input press-lamp/samples',
  'app check': 'app check press-lamp',
  'app types': 'app types press-lamp',
  'app pack': 'app pack press-lamp --with-models --bridge ./bridge',
  'model card': 'model card my-model/model.onnx --out my-model/model.yaml',
  'model samples': 'model samples --input x=inputs.npy --take 0:32 --out my-model/calibration.cbor',
  'model rebuild': 'model rebuild my-model --for arm64 --objective size --report report.html',
  doctor: 'doctor node',
  'config check': 'config check node',
  'config schema': 'config schema gateway',
};

/** Adds to the help of each verb how it is called. */
export function addExamples(command: Command, path: readonly string[] = []): void {
  const example = EXAMPLES[path.join(' ')];
  if (example !== undefined) command.addHelpText('after', `\nExample:\n  floormesh ${example}`);
  for (const child of command.commands) addExamples(child, [...path, child.name()]);
}
