import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../helpers/temporary.ts';

const run = promisify(execFile);
const FILL = fileURLToPath(new URL('../fixtures/store/fill.ts', import.meta.url));

/** An own mount namespace, so that the small disk is gone with the process, whoever runs the tests. */
async function onSmallDisk(dir: string): Promise<string> {
  const script = 'mount -t tmpfs -o size=12m none "$0" && exec "$1" "$2" "$0"';
  const { stdout } = await run('unshare', ['-rm', 'sh', '-c', script, dir, process.execPath, FILL]);
  return stdout;
}

/** No file larger than 2 MiB: the limit is met in the middle of a write, where the free space said nothing. */
async function withFileLimit(dir: string): Promise<string> {
  const script = 'ulimit -f 4096 && exec "$1" "$2" "$0"';
  const { stdout } = await run('sh', ['-c', script, dir, process.execPath, FILL]);
  return stdout;
}

function assertNothingHalfWritten(t: ExecutionContext, stdout: string): void {
  const told = JSON.parse(stdout) as Record<string, unknown>;
  t.deepEqual(told.outcome, {
    put: 'ERR_DISK_FULL',
    putStream: 'ERR_DISK_FULL',
    partial: 'ERR_DISK_FULL',
    writeFileAtomic: 'ERR_DISK_FULL',
    'small put': 'done',
    tree: 'done',
    state: 'ERR_DISK_FULL',
    'state afterwards': 'some',
  });
  t.is(told.settings, 'old');
  t.deepEqual(told.files, ['settings']);
  t.is(told.blobs, 2);
}

test('a file size limit in the middle of a write is said, and leaves nothing half-written', async (t) => {
  assertNothingHalfWritten(t, await withFileLimit(await temporaryFolder(t)));
});

const mayMount = spawnSync('unshare', ['-rm', 'true']).status === 0;
const testWithMount = mayMount ? test : test.skip;

testWithMount('a full disk is said, and leaves nothing half-written', async (t) => {
  assertNothingHalfWritten(t, await onSmallDisk(await temporaryFolder(t)));
});
