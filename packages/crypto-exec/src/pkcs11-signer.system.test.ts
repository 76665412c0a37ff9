import { constants, createPublicKey, verify } from 'node:crypto';
import { createCsr, parseCsr, storableKey } from '@acmex/certificate';
import { describeWith, type SoftToken, softToken } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  accountKeyOf,
  openSigningKey,
  pkcs11Signer,
  type Pkcs11SignerOptions,
  signingBackend,
} from './index.ts';

const data = new TextEncoder().encode('what is signed'.repeat(1000));

describeWith(['softhsm2-util', 'pkcs11-tool'], 'a key in a PKCS#11 token', () => {
  let token: SoftToken;
  beforeAll(async () => {
    token = await softToken();
    await token.generate({ label: 'rsa', id: '01', type: 'rsa:2048' });
    await token.generate({ label: 'p256', id: '02', type: 'EC:prime256v1' });
    await token.generate({ label: 'p384', id: '03', type: 'EC:secp384r1' });
    await token.generate({ label: 'p521', id: '0a', type: 'EC:secp521r1' });
    await token.generate({ label: 'two', id: '05', type: 'EC:prime256v1' });
    await token.generate({ label: 'two', id: '06', type: 'EC:prime256v1' });
  });
  afterAll(async () => await token[Symbol.asyncDispose]());
  const signer = (more: Partial<Pkcs11SignerOptions> = {}) =>
    pkcs11Signer({ module: token.module, env: token.env, pin: async () => token.pin, ...more });
  const uri = (key: string) => `pkcs11:token=${token.label};${key}`;

  it.each([
    ['object=p256', 'ec-p256', 'ES256', 'sha256'],
    ['id=%03', 'ec-p384', 'ES384', 'sha384'],
    ['object=p521', 'ec-p521', 'ES512', 'sha512'],
    ['object=rsa;type=private', 'rsa-2048', 'RS256', 'sha256'],
  ])(
    '%s signs as %s for certificates, and by %s for accounts',
    async (key, type, algorithm, hash) => {
      const opened = await openSigningKey(signer(), uri(key));
      expect(opened).toMatchObject({ type, reference: uri(key) });
      expect('export' in opened).toBe(false);
      const csr = await parseCsr(
        await createCsr({ identifiers: [{ type: 'dns', value: 'a.test' }], key: opened }),
      );
      expect(csr.keyType).toBe(type);
      const account = accountKeyOf(opened);
      expect(account.algorithm).toBe(algorithm);
      const isSigned = verify(
        hash,
        data,
        { key: createPublicKey({ key: account.jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
        await account.sign(data),
      );
      expect(isSigned).toBe(true);
    },
  );
  it('of RSA also signs by PSS', async () => {
    const opened = await openSigningKey(signer(), uri('object=rsa'));
    const key = createPublicKey({
      key: Buffer.from(opened.publicKey),
      format: 'der',
      type: 'spki',
    });
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const signature = await opened.sign(data, 'rsa-pss-sha256');
    expect(verify('sha256', data, { key, padding, saltLength: 32 }, signature)).toBe(true);
  });
  it('is stored by its URI, and opened from it again', async () => {
    const backend = signingBackend({ signers: { pkcs11: signer() } });
    const reference = Buffer.from(uri('object=p256'));
    const opened = await backend.import(reference);
    expect(Buffer.from(await storableKey(opened))).toEqual(reference);
    await expect(backend.import(await storableKey(opened))).resolves.toMatchObject({
      publicKey: opened.publicKey,
    });
  });
  it('refuses a wrong PIN, says so without it, and does not try the same PIN again', async () => {
    let pin = '00000000';
    let runs = 0;
    const guarded = signer({
      pin: async () => pin,
      env: {
        ...token.env,
        get SOFTHSM2_CONF() {
          runs++;
          return token.env.SOFTHSM2_CONF;
        },
      },
    });
    const opened = await openSigningKey(signer({ pin: async () => token.pin }), uri('id=%02'));
    const sign = async () =>
      await guarded.sign(opened.reference, new Uint8Array(32), 'ecdsa-sha256');
    for (const words of ['PIN was refused', 'refused before'])
      await expect(sign()).rejects.toMatchObject({
        code: 'ERR_SIGNER_PIN',
        message: expect.stringMatching(new RegExp(`^(?!.*00000000).*${words}`)),
      });
    expect(runs).toBe(1);
    pin = token.pin;
    await expect(sign()).resolves.toBeInstanceOf(Uint8Array);
  });
  it.each([
    ['a token that is not there', 'pkcs11:token=elsewhere;id=%02', 'ERR_SIGNER_KEY', /elsewhere/],
    ['a label that no key has', 'object=none', 'ERR_SIGNER_KEY', /"none"/],
    ['a label that two keys have', 'object=two', 'ERR_SIGNER_KEY', /05 and 06|06 and 05/],
    ['an identifier that no key has', 'id=%77', 'ERR_SIGNER_KEY', /the ID 77/],
  ])('is refused for %s', async (_, key, code, message) => {
    const reference = key.startsWith('pkcs11:') ? key : uri(key);
    await expect(openSigningKey(signer(), reference)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
  it('is refused without its library', async () => {
    await expect(
      openSigningKey(signer({ module: '/nowhere/module.so' }), uri('object=p256')),
    ).rejects.toMatchObject({
      code: 'ERR_SIGNER_FAILED',
      message: expect.stringContaining('Failed to load pkcs11 module'),
    });
  });
});
