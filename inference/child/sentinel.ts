import { spawn } from 'node:child_process';

/**
 * A small shell that waits for this process to end and then kills the given process group. A child whose event loop
 * turns ends by itself when its channel closes; this is for one that hangs in a loop or in native code while its
 * daemon is killed. (A watching thread inside the child would cost it 19 MiB, this one costs about 1.)
 *
 * @returns ends the sentinel; to be called when the group has ended, before its number can be another's
 */
export function guardGroup(group: number): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -s KILL -- "-$0"', String(group)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: {},
  });
  // Without a shell the guard is missing, nothing else.
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  shell.unref();
  return () => {
    shell.kill('SIGKILL');
  };
}
