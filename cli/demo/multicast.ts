import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';

/** An address of the administratively scoped block (RFC 2365), so that the probe disturbs nobody's mDNS. */
const GROUP = '239.255.70.77';
const ANSWER_TIMEOUT_MS = 1000;

/** Whether multicast sent on this machine is heard on it: what multicast DNS needs. */
export async function multicastWorks(): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const word = randomBytes(16);
  try {
    return await new Promise<boolean>((resolve) => {
      const late = setTimeout(() => resolve(false), ANSWER_TIMEOUT_MS);
      const settle = (heard: boolean): void => {
        clearTimeout(late);
        resolve(heard);
      };
      socket.on('error', () => settle(false));
      socket.on('message', (message) => message.equals(word) && settle(true));
      socket.bind(0, () => {
        try {
          socket.addMembership(GROUP);
          socket.send(word, socket.address().port, GROUP, (error) => error !== null && settle(false));
        } catch {
          settle(false);
        }
      });
    });
  } finally {
    socket.close();
  }
}
