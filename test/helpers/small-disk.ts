import { spawnSync } from 'node:child_process';

/** Whether this machine lets a test mount a disk of its own. */
export const mayMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs none /mnt && umount /mnt']).status === 0;

/**
 * A folder's content is taken along onto a small disk, which is larger from when the flag file is there. The disk lives
 * in a mount namespace of the command, and is gone with it.
 */
const SCRIPT = [
  'mkdir -p "$0.before" && cp -a "$0/." "$0.before/"',
  'mount -t tmpfs -o size="$2" none "$0" && cp -a "$0.before/." "$0/"',
  '(while kill -0 $$ && [ ! -e "$1" ]; do sleep 0.1; done; mount -o remount,size=600m none "$0") >&2 &',
  'shift 2',
  'exec "$@"',
].join('\n');

/** A command line that runs another with a folder on a disk of `size` (such as `40m`), until `flag` exists. */
export function onSmallDisk(
  command: readonly string[],
  folder: string,
  size: string,
  flag: string,
): string[] {
  return ['unshare', '-rm', 'sh', '-c', SCRIPT, folder, flag, size, ...command];
}
