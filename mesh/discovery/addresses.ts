import { multiaddr } from '@multiformats/multiaddr';
import { parsePeerId } from '../host/identity.ts';

/** The peer id that an address ends in, if it has one. */
export function peerInAddress(address: string): string | undefined {
  return multiaddr(address)
    .getComponents()
    .findLast((component) => component.name === 'p2p')?.value;
}

/**
 * Checks that a text is a multiaddr that a host of floormesh can dial: over TCP, with or without a peer id.
 *
 * @throws {TypeError} when it is not
 */
export function checkAddress(address: string): void {
  let names: string[];
  try {
    names = multiaddr(address)
      .getComponents()
      .map((component) => component.name);
  } catch (cause) {
    throw new TypeError(`not a multiaddr: ${address}`, { cause });
  }
  if (!names.includes('tcp')) throw new TypeError(`not an address of TCP: ${address}`);
  const peer = peerInAddress(address);
  if (peer !== undefined && parsePeerId(peer) === undefined) throw new TypeError(`no peer id in ${address}`);
}
