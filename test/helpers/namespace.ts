import { execFileSync } from 'node:child_process';

/** Brings a loopback with multicast up in a network namespace of its own, then runs the rest of its arguments. */
const SETUP =
  'ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@"';
const PREFIX = ['unshare', '--user', '--map-root-user', '--net', 'sh', '-c', SETUP, 'sh'];

/**
 * A command line that runs in a network namespace of its own, where multicast passes and nothing leaves the machine;
 * undefined where this machine lets nobody make one.
 */
export function namespaced(command: readonly string[]): string[] | undefined {
  try {
    const [executable = '', ...args] = [...PREFIX, 'true'];
    execFileSync(executable, args, { stdio: 'ignore' });
    return [...PREFIX, ...command];
  } catch {
    return undefined;
  }
}
