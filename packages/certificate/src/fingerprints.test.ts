import { createHash, X509Certificate } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { certificate, keysOf } from './chain.testing.ts';
import { isKeyOf, parseCertificate, sha1Fingerprint, spkiPin, webcrypto } from './index.ts';

it('has the SHA-1 of a certificate as Node.js has it, and the pin of RFC 7469', async () => {
  const keys = await keysOf();
  const pem = await certificate({ subject: 'CN=a', issuer: 'CN=a', keys, signer: keys });
  const read = parseCertificate(pem);
  const node = new X509Certificate(pem);
  expect(sha1Fingerprint(read)).toBe(node.fingerprint.replaceAll(':', '').toLowerCase());
  const spki = node.publicKey.export({ type: 'spki', format: 'der' });
  expect(spkiPin(read)).toBe(createHash('sha256').update(spki).digest('base64'));
  const publicKey = new Uint8Array(spki);
  expect(isKeyOf(read, { publicKey })).toBe(true);
  expect(isKeyOf(read, await webcrypto().generate('ec-p256'))).toBe(false);
});
