import {
  canonicalJson,
  type Signature,
  SignatureInvalidError,
  type TrialOutcome,
  type TrialRequest,
  trialPayload,
} from '../core/index.ts';
import { type KeyPair, verifySignature } from './key-pair.ts';

function payloadOf(request: TrialRequest, results: readonly TrialOutcome[]): Uint8Array {
  return new TextEncoder().encode(
    canonicalJson({ type: 'floormesh-trial', ...trialPayload(request, results) }),
  );
}

/** Signs what a trial showed with the key of the node that ran it. */
export function signTrial(
  keyPair: KeyPair,
  request: TrialRequest,
  results: readonly TrialOutcome[],
): Signature {
  return { key: keyPair.publicKey, signature: keyPair.sign(payloadOf(request, results)) };
}

/** Checks that results of a trial are by the node of that public key. @throws {SignatureInvalidError} */
export function verifyTrial(
  request: TrialRequest,
  results: readonly TrialOutcome[],
  signature: Signature,
  nodeKey: string,
): void {
  if (signature.key !== nodeKey)
    throw new SignatureInvalidError(
      `the results of a trial are signed by ${signature.key}, which is not the node's key`,
    );
  if (!verifySignature(nodeKey, payloadOf(request, results), signature.signature))
    throw new SignatureInvalidError('the signature over the results of a trial does not hold');
}
