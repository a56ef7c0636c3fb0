import {
  canonicalJson,
  type Offer,
  offerPayload,
  type Signature,
  SignatureInvalidError,
} from '../core/index.ts';
import { type KeyPair, verifySignature } from './key-pair.ts';

function payloadOf(offer: Omit<Offer, 'signature'>): Uint8Array {
  return new TextEncoder().encode(canonicalJson({ type: 'floormesh-offer', ...offerPayload(offer) }));
}

/** Signs an offer with the gateway's key. */
export function signOffer(keyPair: KeyPair, offer: Omit<Offer, 'signature'>): Signature {
  return { key: keyPair.publicKey, signature: keyPair.sign(payloadOf(offer)) };
}

/** Checks that an offer is by the gateway of that public key. @throws {SignatureInvalidError} */
export function verifyOffer(offer: Offer, gatewayKey: string): void {
  const what = `the offer of ${offer.deployment}, revision ${offer.revision},`;
  if (offer.signature.key !== gatewayKey)
    throw new SignatureInvalidError(
      `${what} is signed by ${offer.signature.key}, which is not the gateway's key`,
    );
  if (!verifySignature(gatewayKey, payloadOf(offer), offer.signature.signature))
    throw new SignatureInvalidError(`the signature over ${what} does not hold`);
}
