import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type CryptoBackend, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  CertificateMaintenance,
  type CertificateSpec,
  expiryOf,
  Provisioner,
  type RevocationAnswer,
} from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = {
  names: ['a.test', 'www.a.test'],
  issuer: 'test',
  keyType: 'ec-p256',
  secondKeyType: 'rsa-2048',
};
let clock: ReturnType<typeof virtualClock>;
let storage: Storage;
let issuer: TestIssuer;
let fallback: TestIssuer;
let provisioner: Provisioner;
let maintenance: CertificateMaintenance;
let answerOf: (chain: string) => RevocationAnswer;

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  issuer = await testIssuer(clock);
  fallback = await testIssuer(clock, 'fallback');
  answerOf = () => ({ status: 'good' });
  open(memoryStorage());
});

/** Opens a storage, as a process does that starts. */
function open(opened: Storage, crypto = webcrypto()): void {
  storage = opened;
  provisioner = new Provisioner({
    crypto,
    ...{ storage, issuers: [issuer, fallback], clock, checkRevocationEvery: { hours: 24 } },
  });
  maintenance = new CertificateMaintenance({
    ...{ storage, provisioner, clock, deployer: { deploy: async () => undefined } },
    revocation: { status: async (chain) => answerOf(chain) },
  });
}

const submitted = async (changes: Partial<CertificateSpec> = {}, onFailure?: 'retry' | 'end') => {
  const order = await provisioner.submit({ certificate: { ...spec, ...changes }, onFailure });
  return { order, id: (await provisioner.status(order)).certificate };
};
const obtained = async (changes: Partial<CertificateSpec> = {}) => {
  const { order, id } = await submitted(changes);
  await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
  return id;
};
/** Waits until something is due, and does it. */
const next = async () => {
  const at = await provisioner.certificates.nextDue();
  if (at === undefined) throw new Error('nothing will be due');
  const wait = Date.parse(at) - clock.now().epochMilliseconds;
  await clock.advance({ milliseconds: Math.max(0, wait) });
  for await (const { id } of provisioner.certificates.due(clock.now()))
    return await maintenance.maintain(id);
  throw new Error('nothing is due');
};
/** The types of both keys in use, each the key of its certificate, with the names that it has. */
const pairOf = async (id: string) => {
  const { current } = await provisioner.certificates.get(id);
  const content = (await provisioner.certificates.generation(id, current!.generation))!;
  return [content, content.second!].map(({ chain, privateKey }) => {
    const leaf = new X509Certificate(chain);
    expect(leaf.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
    return {
      type: leaf.publicKey.asymmetricKeyType,
      names: leaf.subjectAltName,
      serialNumber: leaf.serialNumber.toLowerCase(),
    };
  });
};
const keys = async (prefix: string) => {
  const all: string[] = [];
  for await (const { key } of storage.list(prefix)) all.push(key);
  return all;
};
const both = [
  { type: 'ec', names: 'DNS:a.test, DNS:www.a.test' },
  { type: 'rsa', names: 'DNS:a.test, DNS:www.a.test' },
];

describe('a certificate with two key types', () => {
  it('is issued for both, and one write brings both into use', async () => {
    const id = await obtained();
    const pair = await pairOf(id);
    expect(pair).toMatchObject(both);
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: {
        generation: 1,
        serialNumber: pair[0]!.serialNumber,
        issuedFor: { keyType: 'ec-p256', secondKeyType: 'rsa-2048' },
        second: { serialNumber: pair[1]!.serialNumber },
      },
    });
    expect(issuer.orders).toHaveLength(2);
    expect(issuer.requests.map(({ replaces }) => replaces)).toEqual([undefined, undefined]);
    expect(await keys('order-key')).toEqual([]);
  });

  it('has both replaced at each renewal, each by a reference to its former one', async () => {
    const id = await obtained();
    const before = (await provisioner.certificates.generation(id, 1))!;
    issuer.renewalInfo = undefined as never;
    let result = await next();
    while (result.outcome === undefined) result = await next();
    expect(result.outcome).toMatchObject({ state: 'succeeded', generation: 2 });
    expect(await pairOf(id)).toMatchObject(both);
    expect(issuer.requests.slice(2).map(({ replaces }) => replaces)).toEqual([
      before.chain,
      before.second!.chain,
    ]);
    const after = (await provisioner.certificates.generation(id, 2))!;
    expect(after.privateKey).not.toBe(before.privateKey);
    expect(after.second!.privateKey).not.toBe(before.second!.privateKey);
  });

  it('keeps both keys at a renewal where they are to be reused', async () => {
    const id = await obtained({ reuseKey: true });
    const before = (await provisioner.certificates.generation(id, 1))!;
    await maintenance.maintain(id, { force: 'renewal' });
    const after = (await provisioner.certificates.generation(id, 2))!;
    expect(after.privateKey).toBe(before.privateKey);
    expect(after.second!.privateKey).toBe(before.second!.privateKey);
  });

  it('holds the first while the CA refuses the second, and orders it once', async () => {
    const { order, id } = await submitted();
    refuseSecond(2);
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'failed' });
    await expect(provisioner.certificates.get(id)).resolves.not.toHaveProperty('current');
    expect(await keys('generation')).toEqual([]);
    await expect(next()).resolves.toMatchObject({ outcome: { state: 'failed' } });
    await expect(next()).resolves.toMatchObject({ outcome: { state: 'succeeded' } });
    expect(await pairOf(id)).toMatchObject(both);
    expect(issuer.orders).toHaveLength(2);
  });

  it('is continued later where someone waits for it and its second fails for a while', async () => {
    const { order, id } = await submitted({}, 'end');
    refuseSecond(1);
    await expect(provisioner.execute(order)).resolves.toMatchObject({
      state: 'failed',
      retryAt: expect.any(String),
    });
    await expect(next()).resolves.toMatchObject({ outcome: { state: 'succeeded' } });
    expect(await pairOf(id)).toMatchObject(both);
    expect(issuer.orders).toHaveLength(2);
  });

  it('leaves nothing behind where someone waits for it and the CA never issues its second', async () => {
    const { order, id } = await submitted({}, 'end');
    refuseSecond(1, { fixedBy: 'person' });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'failed' });
    await expect(provisioner.certificates.find(id)).resolves.toBeUndefined();
    for (const prefix of ['order-key', 'generation', 'by-name'])
      expect(await keys(prefix)).toEqual([]);
  });

  it('has both of the same issuer: where the second is refused, both are ordered at the next', async () => {
    const { order, id } = await submitted({ fallbackIssuers: ['fallback'] });
    refuseSecond(1, { code: 'ERR_ACME_BAD_PUBLIC_KEY', status: 400 });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    expect(await pairOf(id)).toMatchObject(both);
    expect([issuer.orders.length, fallback.orders.length]).toEqual([1, 2]);
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: { issuedFor: { issuer: 'fallback' } },
    });
  });

  it('is ordered whole again where the names change before the second is issued', async () => {
    const { order, id } = await submitted();
    refuseSecond(1);
    await provisioner.execute(order);
    await provisioner.change(id, () => ({ names: ['a.test', 'b.test'] }));
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    expect((await pairOf(id)).map(({ names }) => names)).toEqual([
      'DNS:a.test, DNS:b.test',
      'DNS:a.test, DNS:b.test',
    ]);
    expect(issuer.orders).toHaveLength(3);
  });

  it('is ordered when a second type is added, and has a single one when it is taken away', async () => {
    const id = await obtained({ secondKeyType: undefined });
    await provisioner.declare(spec);
    await maintenance.maintain(id);
    expect(await pairOf(id)).toMatchObject(both);
    expect(issuer.requests.slice(1).map(({ replaces }) => replaces !== undefined)).toEqual([
      true,
      false,
    ]);
    await provisioner.declare({ ...spec, secondKeyType: undefined });
    await maintenance.maintain(id);
    const { current } = await provisioner.certificates.get(id);
    expect(current).toMatchObject({ generation: 3 });
    expect(current).not.toHaveProperty('second');
    expect(await provisioner.certificates.generation(id, 3)).not.toHaveProperty('second');
  });

  it('has a type of each kind, and no key in a device', async () => {
    await expect(submitted({ secondKeyType: 'ec-p384' })).rejects.toMatchObject({
      code: 'ERR_ORCHESTRATOR_INPUT',
      message: expect.stringContaining('use an RSA type and an EC type'),
    });
    await expect(submitted({ key: 'pkcs11:token=web;object=www' })).rejects.toMatchObject({
      code: 'ERR_ORCHESTRATOR_INPUT',
      message: expect.stringContaining('no second key type'),
    });
    const id = await obtained();
    await expect(
      provisioner.change(id, () => ({ secondKeyType: 'ec-p384' })),
    ).rejects.toMatchObject({ code: 'ERR_ORCHESTRATOR_INPUT' });
  });
});

describe('a pair in use', () => {
  it('is revoked together, again after a failure between the two', async () => {
    const id = await obtained();
    const { chain, second, privateKey } = (await provisioner.certificates.generation(id, 1))!;
    const revoked: string[] = [];
    let isDown = true;
    issuer.revoke = async (revokedChain, { privateKey: signer } = {}) => {
      if (isDown && revokedChain === second!.chain) throw new Error('unreachable');
      revoked.push(revokedChain);
      expect(signer).toBe(revokedChain === chain ? privateKey : second!.privateKey);
    };
    await expect(provisioner.revoke(id)).rejects.toThrow('unreachable');
    await expect(provisioner.certificates.get(id)).resolves.not.toHaveProperty('current.revokedAt');
    isDown = false;
    await provisioner.revoke(id, { reason: 'superseded' });
    expect(revoked).toEqual([chain, chain, second!.chain]);
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: { revocationReason: 'superseded' },
    });
  });

  it('has no compromised key in use after its revocation: both are new', async () => {
    const id = await obtained({ reuseKey: true });
    const before = (await provisioner.certificates.generation(id, 1))!;
    issuer.revoke = async () => undefined;
    await provisioner.revoke(id, { reason: 'keyCompromise' });
    await maintenance.maintain(id, { force: 'renewal' });
    const after = (await provisioner.certificates.generation(id, 2))!;
    expect([after.privateKey, after.second!.privateKey]).not.toContain(before.privateKey);
    expect(after.second!.privateKey).not.toBe(before.second!.privateKey);
  });

  it('is renewed whole when the second is found revoked', async () => {
    const id = await obtained();
    const { second } = (await provisioner.certificates.generation(id, 1))!;
    answerOf = (chain) =>
      chain === second!.chain
        ? { status: 'revoked', at: clock.now(), reason: 'superseded', proof: 'a CRL' }
        : { status: 'good' };
    let result = await next();
    while (result.outcome === undefined) result = await next();
    expect(result.outcome).toMatchObject({ state: 'succeeded', generation: 2 });
    expect(await pairOf(id)).toMatchObject(both);
    expect(issuer.orders).toHaveLength(4);
  });

  it("is renewed in the earlier one of the CA's windows", async () => {
    const id = await obtained();
    const { second } = (await provisioner.certificates.generation(id, 1))!;
    const asked: string[] = [];
    const windowAt = (hours: number) => ({
      window: { start: clock.now().add({ hours }), end: clock.now().add({ hours: hours + 1 }) },
      askAgainAt: clock.now().add({ hours: 6 }),
    });
    issuer.renewalInfo = async (chain) => {
      asked.push(chain);
      return windowAt(chain === second!.chain ? 100 : 1000);
    };
    await maintenance.maintain(id, { ask: 'now' });
    expect(new Set(asked).size).toBe(2);
    const { renewal } = await provisioner.certificates.get(id);
    expect(Date.parse(renewal!.at)).toBeLessThan(clock.now().add({ hours: 102 }).epochMilliseconds);
  });

  it('expires with the first of the two', () => {
    const [notAfter, earlier] = ['2027-01-02T00:00:00Z', '2027-01-01T00:00:00Z'];
    expect(expiryOf({ notAfter, second: { notAfter: earlier } })).toBe(earlier);
    expect(expiryOf({ notAfter: earlier, second: { notAfter } })).toBe(earlier);
    expect(expiryOf({ notAfter })).toBe(notAfter);
  });
});

describe('a process that ends while it issues a pair', () => {
  it('leaves what the next one continues after each write, with two orders in all', async () => {
    const rsa = await webcrypto().generate('rsa-2048');
    // Each new RSA key takes long.
    const crypto: CryptoBackend = {
      ...webcrypto(),
      generate: async (type) => (type === 'rsa-2048' ? rsa : await webcrypto().generate(type)),
    };
    const writes = await endedAfter(Infinity, crypto);
    expect(writes).toBeGreaterThan(10);
    for (let last = 0; last < writes; last += 1) await endedAfter(last, crypto);
  });
});

/**
 * Issues a pair with a process that ends after so many writes, and a second one that continues.
 * @returns how many writes the first has made
 */
async function endedAfter(last: number, crypto: CryptoBackend): Promise<number> {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  issuer = await testIssuer(clock);
  const memory = memoryStorage();
  open(memory, crypto);
  const { order, id } = await submitted();
  let writes = 0;
  const ending: Storage = {
    ...memory,
    async write(changes, options) {
      if (writes >= last) throw new Error('the process has ended');
      writes += 1;
      return await memory.write(changes, options);
    },
  };
  const known = knownOrders();
  open(ending, crypto);
  await provisioner.execute(order).catch(() => undefined);
  open(memory, crypto);
  const { current } = await provisioner.certificates.get(id);
  if (current === undefined) {
    expect(await keys('generation')).toEqual([]);
    await clock.run(provisioner.execute(order));
  }
  expect(await pairOf(id)).toMatchObject(both);
  // One more may be unknown, because the process has ended while it created it.
  expect(known.size).toBe(2);
  return writes;
}

/** Returns the orders that are in the storage, as they are added. */
function knownOrders(): ReadonlySet<unknown> {
  const known = new Set<unknown>();
  const { issue } = issuer;
  issuer.issue = async (request, options) =>
    await issue(request, {
      ...options,
      save: async (state) => {
        await options.save(state);
        known.add(state.order);
      },
    });
  return known;
}

/** Lets the CA refuse the second certificate so many times. */
function refuseSecond(count: number, fields: object = {}): void {
  const { issue } = issuer;
  let left = count;
  issuer.issue = async (request, options) => {
    if (issuer.orders.length === 0 || left === 0) return await issue(request, options);
    left -= 1;
    const error = new Error('the CA does not want this key');
    throw Object.assign(error, { code: 'ERR_TEST', ...fields });
  };
}
