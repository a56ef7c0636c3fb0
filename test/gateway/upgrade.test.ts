import test from 'ava';
import { parseTrialRequest, type TrialOutcome } from '../../core/index.ts';
import { hallConfiguration } from '../helpers/sample-site.ts';
import { ScriptedNode } from '../helpers/scripted-node.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { startTestBridge } from '../helpers/test-bridge.ts';
import { startTestGateway, untilTold } from '../helpers/test-gateway.ts';
import { agreesOn, measuredAt } from '../helpers/told-outcome.ts';

test('a choice by prediction is made good when a node measures: with auto-update at once, else after consent', async (t) => {
  const bridge = await startTestBridge(t);
  const runtime = await bridge.catalog.runtime();
  await bridge.catalog.model({ rebuild: { allow: ['optimize'], keepFloat: [] } });
  await bridge.catalog.app();
  const site = await startTestGateway(t, {
    dir: await temporaryFolder(t),
    bridge: bridge.address,
    publishers: [bridge.publisher.publicKey],
  });
  const { gateway } = site;
  await untilTold(gateway, async (made) => (await made.catalog()).length === 3);
  const configuration = hallConfiguration(runtime);
  const meet = { gateway: site.address, gatewayId: site.mesh.peerId, gatewayKey: site.keyPair.publicKey };
  const node = await ScriptedNode.start(t, { ...meet, name: 'press-1', configuration });
  await untilTold(gateway, async (made) => (await made.nodes()).length === 1);
  for (const autoUpdate of [true, false]) {
    const name = autoUpdate ? 'follows' : 'asks';
    await gateway.deploy({ name, app: 'listener', to: 'press-1', autoUpdate });
    await untilTold(gateway, async (made) => (await made.rollout(`${name}-1`)).endedAt);
  }
  const reportOf = async () =>
    (await gateway.explain('press-1', 'asks')).deployments[0]?.models['ear']?.report;
  const predicted = await reportOf();
  t.true(predicted?.predicted, 'a scripted node declines trials');

  const better = predicted?.chosen === 'original' ? 'optimize' : 'original';
  node.mesh.handle('trial', async (request) => ({
    results: parseTrialRequest(request).builds.map(({ name }) =>
      outcome(name, name === 'original' ? 1 : better === 'original' ? 2 : 0.5),
    ),
  }));
  // Somebody of the class comes: a time to look at what was left open.
  await ScriptedNode.start(t, { ...meet, name: 'press-2', configuration });
  const waiting = await untilTold(gateway, async (made) => {
    const { nodes, revision } = await made.deployment('asks');
    return revision === 2 && nodes[0]?.state === 'awaiting-consent';
  });
  t.true(waiting);
  t.regex((await gateway.rollout('asks-2')).summary, new RegExp(`impulse 1.0.0 as ${better} instead of`));
  await untilTold(gateway, async (made) => {
    const { nodes, revision } = await made.deployment('follows');
    return revision === 2 && nodes[0]?.state === 'active';
  });
  const measured = await reportOf();
  t.is(measured?.chosen, better);
  t.is(measured?.measuredBy, 'press-1');
  t.false(measured?.predicted);
  t.deepEqual(await gateway.accept('press-1'), { accepted: 1 });
  await untilTold(gateway, async (made) => (await made.deployment('asks')).nodes[0]?.state === 'active');
  t.is((await gateway.deployment('asks')).revision, 2, 'what a node has is not offered to it again');
});

/** What a node says that measured a build at so many times the original's time. */
function outcome(name: string, times: number): TrialOutcome {
  const ratio = { low: times, median: times, high: times };
  return { name, accuracy: agreesOn(1, 6), measurement: measuredAt(10 * times, { ratio }) };
}
