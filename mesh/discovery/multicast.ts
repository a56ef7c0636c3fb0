import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

/** The group of mDNS (RFC 6762). */
const GROUP = '224.0.0.251';
const TIMEOUT_MS = 1000;

/**
 * Whether this machine can send to others by multicast, which is how hosts find each other without an address. On a
 * network without a default route and without a route for multicast, discovery finds nobody and has no error to
 * report: this is how to notice. It sends one packet to the group of mDNS, on a port of its own, and listens for it.
 */
export function multicastWorks(options: { signal?: AbortSignal } = {}): Promise<boolean> {
  const token = randomBytes(16);
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  return new Promise((resolve) => {
    const settle = (works: boolean): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners().on('error', () => {});
      socket.close(() => resolve(works));
    };
    const onAbort = (): void => settle(false);
    const timer = setTimeout(() => settle(false), TIMEOUT_MS);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', () => settle(false));
    socket.on('message', (message) => message.equals(token) && settle(true));
    socket.bind(0, () => {
      try {
        socket.addMembership(GROUP);
        socket.setMulticastLoopback(true);
        socket.send(token, socket.address().port, GROUP, (error) => error !== null && settle(false));
      } catch {
        settle(false);
      }
    });
  });
}
