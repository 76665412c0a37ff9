import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { encryptedPrivateKeyPem, nodeCrypto, privateKeyPem, webcrypto } from './index.ts';

const passphrase = 'correct horse battery';

describe('an encrypted key', () => {
  it.each([
    ['webcrypto', webcrypto()],
    ['nodeCrypto', nodeCrypto()],
  ])('is read by %s with its passphrase alone', async (_, backend) => {
    const key = await webcrypto().generate('ec-p384');
    const pem = await encryptedPrivateKeyPem(key, passphrase);
    const again = await backend.import(Uint8Array.from(pem), passphrase);
    expect(Buffer.from(again.publicKey)).toEqual(Buffer.from(key.publicKey));
    await expect(backend.import(Uint8Array.from(pem), 'another')).rejects.toMatchObject({
      code: 'ERR_KEY_PASSPHRASE',
    });
  });
  it('that Node.js has encrypted, with fewer rounds, is read too', async () => {
    const key = await webcrypto().generate('ec-p256');
    const old = createPrivateKey(Buffer.from(await privateKeyPem(key))).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase,
    });
    const again = await webcrypto().import(Buffer.from(old), passphrase);
    expect(Buffer.from(again.publicKey)).toEqual(Buffer.from(key.publicKey));
  });
});
