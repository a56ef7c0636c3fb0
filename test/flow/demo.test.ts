import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { DemoReport } from '../../cli/demo/report.ts';
import { namespaced } from '../helpers/namespace.ts';

const BIN = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url));

test('the demo builds a whole site, runs it through its paces, and everything that it claims holds', async (t) => {
  t.timeout(600_000);
  const command = [process.execPath, BIN, 'demo', '--once', '--json'];
  // In a namespace of its own the nodes find each other by multicast DNS; else by address, so that nothing is sent out.
  const [executable = '', ...args] = namespaced(command) ?? [...command, '--no-mdns'];
  const child = spawn(executable, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGTERM'));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [out, log, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  t.is(code, 0, `${log}\n${out}`);
  const report = JSON.parse(out) as DemoReport;
  for (const { claim, holds, detail } of report.checks) t.true(holds, `${claim}: ${detail}`);
  t.true(report.checks.length >= 9);
});
