import test from 'ava';
import { chosenOf, MAX_MANIFEST_BYTES, parsePackageConfig } from '../../core/index.ts';
import { ScriptedNode } from '../helpers/scripted-node.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { startTestBridge } from '../helpers/test-bridge.ts';
import { hallConfiguration } from '../helpers/sample-site.ts';
import { startTestGateway, untilTold } from '../helpers/test-gateway.ts';

test('a deployment is pulled, rebuilt by measurement, packed, offered, and follows a new model version', async (t) => {
  const bridge = await startTestBridge(t);
  const runtime = await bridge.catalog.runtime();
  await bridge.catalog.model();
  await bridge.catalog.app();
  const dir = await temporaryFolder(t);
  const site = await startTestGateway(t, {
    dir,
    bridge: bridge.address,
    publishers: [bridge.publisher.publicKey],
  });
  const { gateway } = site;
  await untilTold(gateway, async (made) => (await made.catalog()).length === 3);

  const configuration = hallConfiguration(runtime);
  const init = { gateway: site.address, gatewayId: site.mesh.peerId, gatewayKey: site.keyPair.publicKey };
  const first = await ScriptedNode.start(t, { ...init, name: 'press-1', configuration });
  const second = await ScriptedNode.start(t, { ...init, name: 'press-2', configuration });
  await untilTold(gateway, async (made) => (await made.nodes()).length === 2);
  t.is(first.asked + second.asked, 1, 'the second node has a configuration that is known');

  const { rollout, plan } = await gateway.deploy({ name: 'hall', app: 'listener', to: 'all' });
  t.true(plan.satisfiable);
  t.deepEqual(
    plan.nodes.map(({ variant, sources, actions }) => ({ variant, sources, actions })),
    Array.from({ length: 2 }, () => ({ variant: 'full', sources: ['hall'], actions: { alarm: 'alarm' } })),
  );
  const done = await untilTold(gateway, async (made) => {
    const now = await made.rollout(rollout?.id ?? '');
    return now.endedAt === undefined ? undefined : now;
  });
  t.is(done.state, 'done', JSON.stringify(done));
  t.deepEqual(
    done.nodes.map(({ state }) => state),
    ['active', 'active'],
  );
  t.is(first.installed[0]?.package, second.installed[0]?.package, 'nodes of one class share a package');

  const { deployments } = await gateway.explain('press-1');
  const report = deployments[0]?.models['ear']?.report;
  t.is(report?.measuredBy, 'gateway', 'a scripted node declines trials');
  t.is(report?.candidates.find(({ recipe }) => recipe === 'original')?.problem, undefined);
  t.true((report?.candidates.filter(({ measurement }) => measurement !== undefined).length ?? 0) >= 2);
  const manifest = await first.manifest();
  const paths = manifest.layers.flatMap(
    ({ annotations }) => annotations?.['org.opencontainers.image.title'] ?? [],
  );
  t.true(paths.includes('app/app.ts'));
  t.true(paths.includes('models/ear/model.onnx'));
  t.true(paths.includes('models/ear/golden.cbor'));
  const config = parsePackageConfig(await first.blobs.read(manifest.config.digest, MAX_MANIFEST_BYTES));
  t.is(
    config.models['ear']?.recipe,
    report === undefined || report === null ? undefined : chosenOf(report).recipe,
  );

  await bridge.catalog.model({ version: '1.1.0', maxDrop: 0.2 });
  await bridge.announce(site.mesh.peerId);
  const waiting = await untilTold(gateway, async (made) => {
    const { nodes, revision } = await made.deployment('hall');
    return revision === 2 && nodes.every(({ state }) => state === 'awaiting-consent') ? nodes : undefined;
  });
  t.is(waiting.length, 2);
  t.deepEqual(await gateway.accept('press-1'), { accepted: 1 });
  await untilTold(gateway, async (made) => {
    const { nodes } = await made.deployment('hall');
    return nodes.find(({ name }) => name === 'press-1')?.state === 'active';
  });
  const answer = await gateway.infer({
    deployment: 'hall',
    node: 'press-2',
    event: { kind: 'sound', name: 'x', data: new Uint8Array(3) },
  });
  t.deepEqual(answer.result, { by: 'press-2' });

  await site.stop();
  await bridge.mesh.stop();
  const again = await startTestGateway(t, {
    dir,
    bridge: bridge.address,
    publishers: [bridge.publisher.publicKey],
  });
  t.is((await again.gateway.catalog()).length, 4, 'the catalog is known without the uplink');
  t.is((await again.gateway.deployment('hall')).revision, 2);
  const planned = await again.gateway.deploy(
    { name: 'hall-2', app: 'listener', to: 'press-1' },
    { dryRun: true },
  );
  t.is(planned.plan.nodes[0]?.variant, 'full');
});
