import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { digestOf, type Offer, type Release } from '../../core/index.ts';
import {
  generateKeyPair,
  isPublicKey,
  keyPairFromSeed,
  loadKeyPair,
  loadOrCreateKeyPair,
  signOffer,
  signRelease,
  verifyOffer,
  verifyRelease,
  verifySignature,
} from '../../trust/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const release: Release = { kind: 'model', name: 'label-recogniser', version: '1.0.0', digest: digestOf('a') };
const offer: Omit<Offer, 'signature'> = {
  deployment: 'read-labels',
  revision: 3,
  package: digestOf('package'),
  size: 1000,
  contentSize: 20_000,
  summary: 'label-reader 1.0.0',
  autoUpdate: true,
};

test('signs as RFC 8032 says', (t) => {
  // Section 7.1, test 2: a message of one byte.
  const seed = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex');
  const keyPair = keyPairFromSeed(seed);
  const publicKey = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';
  t.is(Buffer.from(keyPair.publicKey, 'base64url').toString('hex'), publicKey);
  const signature = keyPair.sign(Uint8Array.of(0x72));
  t.is(
    Buffer.from(signature, 'base64url').toString('hex'),
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
  t.true(verifySignature(keyPair.publicKey, Uint8Array.of(0x72), signature));
  t.throws(() => keyPairFromSeed(new Uint8Array(31)), { instanceOf: TypeError });
});

test('a signature holds for its key and its bytes only', (t) => {
  const [own, foreign] = [generateKeyPair(), generateKeyPair()];
  const bytes = Uint8Array.of(1, 2, 3);
  const signature = own.sign(bytes);
  t.true(verifySignature(own.publicKey, bytes, signature));
  t.false(verifySignature(foreign.publicKey, bytes, signature));
  t.false(verifySignature(own.publicKey, Uint8Array.of(1, 2, 4), signature));
});

test('what is malformed is no signature and no key', (t) => {
  const own = generateKeyPair();
  const bytes = Uint8Array.of(1);
  const signature = own.sign(bytes);
  const spelledOtherwise = `${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : `${signature.at(-1)}=`}`;
  const others = ['', 'x', signature.slice(1), `${signature}A`, ` ${signature}`, spelledOtherwise];
  for (const wrong of others) t.false(verifySignature(own.publicKey, bytes, wrong), `signature ${wrong}`);
  for (const wrong of ['', 'x', `${own.publicKey}=`, own.publicKey.slice(1)]) {
    t.false(verifySignature(wrong, bytes, signature), `key ${wrong}`);
    t.false(isPublicKey(wrong), `key ${wrong}`);
  }
  t.true(isPublicKey(own.publicKey));
});

test('a key pair shows its seed to nobody by accident', (t) => {
  const keyPair = generateKeyPair();
  const seed = Buffer.from(keyPair.seed);
  const shown = `${inspect(keyPair, { depth: 9, showHidden: true })}${JSON.stringify(keyPair)}`;
  for (const encoding of ['hex', 'base64', 'base64url'] as const)
    t.false(shown.includes(seed.toString(encoding)));
  keyPair.seed.fill(0);
  t.deepEqual(Buffer.from(keyPair.seed), seed);
});

test('a key file is made once, for its owner only, and gives the same pair again', async (t) => {
  const file = join(await temporaryFolder(t), 'keys', 'identity.json');
  await t.throwsAsync(loadKeyPair(file), { code: 'ERR_KEY_INVALID' });
  const made = await Promise.all([1, 2, 3].map(() => loadOrCreateKeyPair(file)));
  t.is((await stat(file)).mode & 0o777, 0o600);
  const loaded = await loadKeyPair(file);
  t.deepEqual(
    made.map((keyPair) => keyPair.publicKey),
    [loaded.publicKey, loaded.publicKey, loaded.publicKey],
  );
  t.deepEqual(made.map((keyPair) => keyPair.sign(Uint8Array.of(1))).slice(0, 1), [
    loaded.sign(Uint8Array.of(1)),
  ]);
});

test('a key file that is damaged, or that others may write, is never replaced and never used', async (t) => {
  const file = join(await temporaryFolder(t), 'identity.json');
  await loadOrCreateKeyPair(file);
  const good = await readFile(file, 'utf8');
  const other = JSON.stringify({ ...JSON.parse(good), publicKey: generateKeyPair().publicKey });
  for (const bad of [
    '',
    '{}',
    '[]',
    'null',
    good.slice(0, 50),
    other,
    '{"seed":1,"publicKey":1}',
    'x'.repeat(9000),
  ]) {
    await writeFile(file, bad);
    await t.throwsAsync(loadOrCreateKeyPair(file), { code: 'ERR_KEY_INVALID' }, bad.slice(0, 60));
    t.is(await readFile(file, 'utf8'), bad);
  }
  await writeFile(file, good);
  await chmod(file, 0o666);
  await t.throwsAsync(loadKeyPair(file), { code: 'ERR_KEY_INVALID' });
});

test('a release holds when a trusted publisher signed it', (t) => {
  const publisher = generateKeyPair();
  const signature = signRelease(publisher, release);
  t.notThrows(() => verifyRelease(release, signature, [generateKeyPair().publicKey, publisher.publicKey]));
  const withMore = { ...release, description: 'not signed', size: 5 };
  t.deepEqual(signRelease(publisher, withMore), signature, 'only the release itself is signed');
});

test('an altered release, a foreign key and a borrowed key name do not hold', (t) => {
  const [publisher, foreign] = [generateKeyPair(), generateKeyPair()];
  const signature = signRelease(publisher, release);
  const trusted = [publisher.publicKey];
  const altered: Release[] = [
    { ...release, kind: 'app' },
    { ...release, name: 'label-recogniser2' },
    { ...release, version: '1.0.1' },
    { ...release, digest: digestOf('b') },
  ];
  for (const other of altered)
    t.throws(() => verifyRelease(other, signature, trusted), { code: 'ERR_SIGNATURE_INVALID' });
  const byForeign = signRelease(foreign, release);
  t.throws(() => verifyRelease(release, byForeign, trusted), { code: 'ERR_SIGNATURE_INVALID' });
  const borrowed = { key: publisher.publicKey, signature: byForeign.signature };
  t.throws(() => verifyRelease(release, borrowed, trusted), { code: 'ERR_SIGNATURE_INVALID' });
  t.throws(() => verifyRelease(release, signature, []), { code: 'ERR_SIGNATURE_INVALID' });
});

test('an offer holds when the gateway signed exactly it', (t) => {
  const [gateway, foreign] = [generateKeyPair(), generateKeyPair()];
  const signed: Offer = { ...offer, signature: signOffer(gateway, offer) };
  t.notThrows(() => verifyOffer(signed, gateway.publicKey));
  const altered: Partial<Offer>[] = [
    { deployment: 'other' },
    { revision: 4 },
    { package: digestOf('other') },
    { size: 1 },
    { contentSize: 1 },
    { summary: 'other' },
    { autoUpdate: false },
    { signature: signOffer(foreign, offer) },
    { signature: { ...signOffer(foreign, offer), key: gateway.publicKey } },
  ];
  for (const change of altered)
    t.throws(
      () => verifyOffer({ ...signed, ...change }, gateway.publicKey),
      { code: 'ERR_SIGNATURE_INVALID' },
      Object.keys(change).join(),
    );
  t.throws(() => verifyOffer(signed, foreign.publicKey), { code: 'ERR_SIGNATURE_INVALID' });
});

test('a signature over one kind of thing is none over another', (t) => {
  const key = generateKeyPair();
  const bare = key.sign(new TextEncoder().encode(JSON.stringify(release)));
  t.throws(() => verifyRelease(release, { key: key.publicKey, signature: bare }, [key.publicKey]), {
    code: 'ERR_SIGNATURE_INVALID',
  });
  // Fields of both at once: the same value, signed as an offer, must not pass as a release, nor the other way round.
  const both = { ...offer, ...release };
  t.throws(() => verifyRelease(both, signOffer(key, both), [key.publicKey]), {
    code: 'ERR_SIGNATURE_INVALID',
  });
  t.throws(() => verifyOffer({ ...both, signature: signRelease(key, both) }, key.publicKey), {
    code: 'ERR_SIGNATURE_INVALID',
  });
});
