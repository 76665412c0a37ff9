import { type CryptoBackend, isKeyReference, parseChain, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CertificateMaintenance, type CertificateSpec, Provisioner } from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = {
  names: ['a.test'],
  issuer: 'test',
  keyType: 'ec-p256',
  key: 'device:web',
};

/** A device whose keys sign, and never leave. */
async function device(): Promise<CryptoBackend> {
  const memory = webcrypto();
  const keys = new Map([
    ['device:web', await memory.generate('ec-p384')],
    ['device:new', await memory.generate('ec-p256')],
  ]);
  return {
    ...memory,
    async import(text, passphrase) {
      const reference = Buffer.from(text).toString();
      const key = keys.get(reference);
      if (!key) return await memory.import(text, passphrase);
      const { type, publicKey } = key;
      return { type, publicKey, reference, sign: async (data) => await key.sign(data) };
    },
  };
}

describe('a certificate whose key is in a device', () => {
  const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  let storage: ReturnType<typeof memoryStorage>;
  let issuer: TestIssuer;
  let crypto: CryptoBackend;
  let provisioner: Provisioner;
  let maintenance: CertificateMaintenance;
  beforeEach(async () => {
    storage = memoryStorage();
    issuer = await testIssuer(clock);
    crypto = await device();
    provisioner = new Provisioner({ storage, issuers: [issuer], clock, crypto });
    maintenance = new CertificateMaintenance({ storage, provisioner, clock });
  });
  const issued = async (wanted: Partial<CertificateSpec> = {}) => {
    const { certificate } = await provisioner.declare({ ...spec, ...wanted });
    return (await maintenance.maintain(certificate.id)).outcome;
  };
  const current = async () => {
    for await (const certificate of provisioner.certificates.list()) {
      const { id, current: inUse, keyType, key } = certificate;
      const generation = await provisioner.certificates.generation(id, inUse?.generation ?? 0);
      const { privateKey = '', chain = '' } = generation ?? {};
      return { id, keyType, key, privateKey, leaf: parseChain(chain)[0] };
    }
    throw new Error('there is no certificate');
  };
  const publicKey = async (reference: string) =>
    Buffer.from((await crypto.import(Buffer.from(reference))).publicKey);

  it('is signed there, is stored by its reference, and keeps its key when it is renewed', async () => {
    await expect(issued()).resolves.toMatchObject({ state: 'succeeded', generation: 1 });
    const { id, ...first } = await current();
    expect(first).toMatchObject({
      keyType: 'ec-p384',
      key: 'device:web',
      privateKey: 'device:web',
    });
    expect(Buffer.from(first.leaf?.publicKey ?? [])).toEqual(await publicKey('device:web'));
    const stored: string[] = [];
    for await (const { value } of storage.list('')) stored.push(Buffer.from(value).toString());
    expect(stored.filter((text) => text.includes('PRIVATE KEY'))).toEqual([]);
    await maintenance.maintain(id, { force: 'renewal' });
    const second = await current();
    expect(second.leaf?.serialNumber).not.toBe(first.leaf?.serialNumber);
    expect(Buffer.from(second.leaf?.publicKey ?? [])).toEqual(await publicKey('device:web'));
  });
  it('is not ordered again for the type of its key, but for a different key or none', async () => {
    await issued();
    await expect(provisioner.declare(spec)).resolves.toMatchObject({ change: 'unchanged' });
    await expect(issued({ key: 'device:new' })).resolves.toMatchObject({ generation: 2 });
    expect(await current()).toMatchObject({ keyType: 'ec-p256', privateKey: 'device:new' });
    await expect(issued({ key: undefined, reuseKey: true })).resolves.toMatchObject({
      generation: 3,
    });
    const { privateKey } = await current();
    expect(isKeyReference(privateKey)).toBe(false);
  });
  it('cannot get a different key type while its key stays in the device', async () => {
    await issued();
    const { id } = await current();
    const withoutKey = { names: spec.names, issuer: spec.issuer, keyType: spec.keyType };
    const refused = {
      code: 'ERR_ORCHESTRATOR_INPUT',
      message: expect.stringMatching(/leave.*out$/),
    };
    const rsa = { keyType: 'rsa-2048' } as const;
    await expect(provisioner.change(id, () => rsa)).rejects.toMatchObject(refused);
    await expect(provisioner.declare({ ...withoutKey, ...rsa })).rejects.toMatchObject(refused);
    await expect(provisioner.declare(withoutKey)).rejects.toMatchObject(refused);
    const declared = { ...withoutKey, keyType: 'ec-p384' } as const;
    await expect(provisioner.declare(declared)).resolves.toMatchObject({ change: 'unchanged' });
    const defaults = { defaults: ['keyType'] } as const;
    const byDefault = await provisioner.declare(withoutKey, defaults);
    expect(byDefault).toMatchObject({ change: 'unchanged', certificate: { keyType: 'ec-p384' } });
    const inMemory = await provisioner.change(id, () => ({ key: undefined, ...rsa }));
    expect(inMemory).toMatchObject({ change: 'ordered', differences: ['keyType', 'key'] });
  });
  it('is not certified again when its key was revoked as compromised, until a new key is named', async () => {
    await issued();
    const { id } = await current();
    Object.assign(issuer, { revoke: async () => undefined });
    await provisioner.revoke(id, { reason: 'keyCompromise' });
    await expect(maintenance.maintain(id, { force: 'renewal' })).resolves.toMatchObject({
      outcome: { state: 'failed', error: { code: 'ERR_ORCHESTRATOR_KEY_COMPROMISED' } },
    });
    await provisioner.declare({ ...spec, key: 'device:new' });
    await clock.advance({ hours: 24 });
    await expect(maintenance.maintain(id)).resolves.toMatchObject({
      outcome: { state: 'succeeded' },
    });
    expect(await current()).toMatchObject({ privateKey: 'device:new' });
  });
  it('is refused with a private key instead of a reference', async () => {
    const key = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n';
    await expect(provisioner.declare({ ...spec, key })).rejects.toMatchObject({
      code: 'ERR_ORCHESTRATOR_INPUT',
      message: expect.not.stringContaining('c2Vj'),
    });
  });
  it('says what is missing where nothing can sign with its key', async () => {
    provisioner = new Provisioner({ storage, issuers: [issuer], clock });
    maintenance = new CertificateMaintenance({ storage, provisioner, clock });
    await expect(issued()).resolves.toMatchObject({
      state: 'failed',
      error: { code: 'ERR_KEY_FORMAT', message: expect.stringContaining('reference') },
    });
  });
});
