import { createCsr, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { identifiers } from '@acmex/identifier';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type CertificateSpec, CertificateMaintenance, outbox, Provisioner } from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = { names: ['a.test'], issuer: 'test', keyType: 'ec-p256' };
const start = '2026-11-01T00:00:00Z';
let clock: ReturnType<typeof virtualClock>;
let storage: Storage;
let issuer: TestIssuer;
let provisioner: Provisioner;
let maintenance: CertificateMaintenance;
const deployed: string[] = [];
/** Whether the CA certifies another key than that of the request. */
let isWrong: boolean;

beforeEach(async () => {
  clock = virtualClock({ now: start });
  storage = memoryStorage();
  issuer = await testIssuer(clock);
  issuer.renewalInfo = undefined as never;
  const { issue } = issuer;
  isWrong = true;
  issuer.issue = async (request, options) => {
    if (!isWrong) return await issue(request, options);
    const key = await webcrypto().generate('ec-p256');
    const csr = await createCsr({ identifiers: identifiers(request.names), key });
    return await issue({ ...request, csr }, options);
  };
  deployed.length = 0;
  provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  maintenance = maintenanceOf(provisioner);
});

const maintenanceOf = (working: Provisioner) =>
  new CertificateMaintenance({
    storage,
    provisioner: working,
    clock,
    deployer: { deploy: async (_, { order }) => void deployed.push(order) },
  });
const ordered = async (onFailure: 'retry' | 'end' = 'retry') => {
  const order = await provisioner.submit({ certificate: { ...spec, deploy: [{}] }, onFailure });
  const outcome = await provisioner.execute(order);
  return { order, outcome, id: (await provisioner.status(order)).certificate };
};
const keys = async (prefix: string) => {
  const all: string[] = [];
  for await (const { key } of storage.list(prefix)) all.push(key);
  return all;
};
/** Does what is due until a moment. */
const runUntil = async (end: string) => {
  for (;;) {
    const at = await provisioner.certificates.nextDue();
    if (at === undefined || Date.parse(at) > Date.parse(end)) return;
    await clock.advance({
      milliseconds: Math.max(0, Date.parse(at) - clock.now().epochMilliseconds),
    });
    for await (const { id } of provisioner.certificates.due(clock.now()))
      await maintenance.maintain(id);
  }
};

describe('an issued certificate that is not what was ordered', () => {
  it('is stored with its key and the reason, and neither used nor deployed', async () => {
    const { id, order, outcome } = await ordered();
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'ERR_CERTIFICATE_KEY' } });
    const [refused] = await provisioner.certificates.refused(id);
    expect(refused).toEqual({
      id: (outcome as { readonly refused?: string }).refused,
      order,
      names: ['a.test'],
      at: start,
      code: 'ERR_CERTIFICATE_KEY',
      message: expect.stringContaining('is for another key'),
      chain: expect.stringMatching(/^-----BEGIN CERTIFICATE-----/),
      privateKey: expect.stringMatching(/^-----BEGIN PRIVATE KEY-----/),
    });
    await maintenance.maintain(id, { force: 'deploy' });
    const { current, deployed: generation } = await provisioner.certificates.get(id);
    expect([current, generation, deployed]).toEqual([undefined, undefined, []]);
  });

  it('leads to few further orders, however long the CA continues', async () => {
    const { id } = await ordered();
    await runUntil('2027-11-01T00:00:00Z');
    expect(issuer.orders.length).toBeLessThan(12);
    await expect(provisioner.certificates.refused(id)).resolves.toHaveLength(3);
    isWrong = false;
    await maintenance.maintain(id, { force: 'renewal' });
    expect((await provisioner.certificates.get(id)).current).toMatchObject({ generation: 1 });
  });

  it('leads to few further orders while another certificate is in use and expires', async () => {
    isWrong = false;
    const { id } = await ordered();
    isWrong = true;
    await runUntil('2027-03-01T00:00:00Z');
    expect(issuer.orders.length).toBeGreaterThan(3);
    expect(issuer.orders.length).toBeLessThan(16);
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: { generation: 1 },
    });
  });

  it('is used without another order when it was refused by a wrong clock', async () => {
    isWrong = false;
    const slow = { ...clock, now: () => clock.now().subtract({ hours: 1 }) };
    const wrong = new Provisioner({ storage, issuers: [issuer], clock: slow });
    const order = await wrong.submit({ certificate: spec });
    await expect(wrong.execute(order)).resolves.toMatchObject({
      error: { code: 'ERR_CERTIFICATE_VALIDITY' },
    });
    const { certificate: id } = await provisioner.status(order);
    const [{ chain } = { chain: '' }] = await provisioner.certificates.refused(id);
    await maintenance.maintain(id, { force: 'renewal' });
    expect(issuer.orders).toHaveLength(1);
    await expect(provisioner.certificates.generation(id, 1)).resolves.toMatchObject({ chain });
    await expect(provisioner.certificates.refused(id)).resolves.toEqual([]);
  });

  it('of an order that someone waits for stays readable with its certificate, which is paused', async () => {
    const { id } = await ordered('end');
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      paused: true,
      failure: { code: 'ERR_CERTIFICATE_KEY' },
    });
    await expect(provisioner.certificates.refused(id)).resolves.toHaveLength(1);
    await runUntil('2027-11-01T00:00:00Z');
    expect(issuer.orders).toHaveLength(1);
  });

  it('outlives the cancellation of its order, and is removed with its certificate', async () => {
    const { id, order } = await ordered();
    await provisioner.cancel(order);
    await provisioner.execute(order);
    await expect(provisioner.certificates.refused(id)).resolves.toHaveLength(1);
    await provisioner.remove(id);
    for (const prefix of ['refused', 'certificate', 'order-key', 'by-name', 'due'])
      expect(await keys(prefix)).toEqual([]);
  });

  it('is downloaded again, not ordered again, when the storage could not take it', async () => {
    isWrong = false;
    const order = await provisioner.submit({ certificate: spec });
    const full = Object.assign(new Error('no space is left'), { code: 'ERR_STORAGE_FULL' });
    let isFull = true;
    const failing: Storage = {
      ...storage,
      write: async (changes) => {
        if (isFull && changes.some((change) => 'set' in change && /^generation/.test(change.set)))
          throw full;
        return await storage.write(changes);
      },
    };
    const limited = new Provisioner({ storage: failing, issuers: [issuer], clock });
    await expect(limited.execute(order)).resolves.toMatchObject({ error: full });
    isFull = false;
    await expect(limited.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    expect(issuer.orders).toHaveLength(1);
  });
});

describe('an unusual chain', () => {
  it('is used with a warning in the outcome, the steps of the order and the record', async () => {
    isWrong = false;
    const { issue } = issuer;
    issuer.issue = async (...args) => {
      const issued = await issue(...args);
      return 'chain' in issued ? { chain: issued.chain + issued.chain } : issued;
    };
    const { id, order, outcome } = await ordered();
    const warnings = [expect.stringContaining('2 certificates twice')];
    expect(outcome).toMatchObject({ state: 'succeeded', warnings });
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: { warnings },
    });
    const { steps } = await provisioner.status(order);
    expect(steps.at(-1)).toMatchObject({ type: 'warning', message: warnings[0] });
    const types: string[] = [];
    for await (const { type } of outbox(storage).list()) types.push(type);
    expect(types).toContain('certificate_obtained');
  });
});
