import { createPrivateKey } from 'node:crypto';
import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import {
  type AcmexEvent,
  CertificateMaintenance,
  dueAt,
  outbox,
  Provisioner,
  type RevocationAnswer,
} from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

let clock: ReturnType<typeof virtualClock>;
let storage: Storage;
let issuer: TestIssuer;
let provisioner: Provisioner;
let maintenance: CertificateMaintenance;
let answer: (chain: string) => RevocationAnswer;
let questions: string[];

const every = { hours: 24 };
beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  storage = memoryStorage();
  issuer = await testIssuer(clock);
  answer = () => ({ status: 'good' });
  questions = [];
  provisioner = new Provisioner({
    storage,
    issuers: [issuer],
    clock,
    checkRevocationEvery: every,
  });
  maintenance = maintenanceOf(provisioner);
});

function maintenanceOf(subject: Provisioner) {
  return new CertificateMaintenance({
    storage,
    provisioner: subject,
    clock,
    revocation: {
      status: async (chain) => {
        await new Promise(setImmediate);
        questions.push(clock.now().toString());
        return answer(chain);
      },
    },
  });
}

const revoked = (reason: string): RevocationAnswer => ({
  status: 'revoked',
  at: clock.now(),
  reason,
  proof: 'an OCSP response',
});
const obtained = async (reuseKey = false) => {
  const order = await provisioner.submit({
    certificate: { names: ['a.test'], issuer: 'test', keyType: 'ec-p256', reuseKey },
  });
  await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
  return (await provisioner.status(order)).certificate;
};
/** Does what becomes due in so many hours, at the moment at which it becomes due. */
const during = async (hours: number, id: string) => {
  const end = clock.now().add({ hours });
  for (;;) {
    const at = dueAt(await provisioner.certificates.get(id));
    if (at === undefined || Temporal.Instant.compare(at, end) > 0) break;
    if (Temporal.Instant.compare(at, clock.now()) > 0)
      await clock.advance(clock.now().until(Temporal.Instant.from(at)));
    await maintenance.maintain(id);
  }
  await clock.advance(clock.now().until(end));
};
const keyOf = async (id: string, generation: number) =>
  createPrivateKey(
    (await provisioner.certificates.generation(id, generation))?.privateKey ?? '',
  ).export({ type: 'pkcs8', format: 'pem' });
const events = async () => {
  const all: AcmexEvent[] = [];
  for await (const event of outbox(storage).list()) all.push(event);
  const expected = ['certificate_obtained', 'revocation_detected', 'renewal_success'];
  return all.filter(({ type }) => expected.includes(type));
};

describe('the check whether a certificate is revoked', () => {
  it('is made once a day, not at the same time for all, and changes nothing while it is good', async () => {
    const [first, second] = [await obtained(), await obtained()];
    const [firstAt, secondAt] = await Promise.all(
      [first, second].map(
        async (id) => (await provisioner.certificates.get(id)).revocation?.checkAt,
      ),
    );
    expect(firstAt).toBeDefined();
    expect(firstAt).not.toBe(secondAt);
    await during(24 * 10, first);
    expect(questions.length).toBeGreaterThanOrEqual(8);
    expect(questions.length).toBeLessThanOrEqual(13);
    await expect(provisioner.certificates.get(first)).resolves.toMatchObject({
      current: { generation: 1 },
    });
  });

  it('renews a revoked certificate at once, with an event, also where the key is reused', async () => {
    const id = await obtained(true);
    answer = () => revoked('superseded');
    await during(31, id);
    const certificate = await provisioner.certificates.get(id);
    expect(certificate).toMatchObject({ current: { generation: 2 }, revocation: { inRow: 1 } });
    expect(certificate.current?.revokedAt).toBeUndefined();
    await expect(keyOf(id, 2)).resolves.toEqual(await keyOf(id, 1));
    expect(await events()).toMatchObject([
      { type: 'certificate_obtained' },
      { type: 'revocation_detected', message: expect.stringContaining('superseded') },
      { type: 'renewal_success' },
    ]);
    const { order } = (await provisioner.certificates.generation(id, 2)) ?? {};
    await expect(provisioner.status(order ?? '')).resolves.toMatchObject({ cause: 'revoked' });
  });

  it('uses a new key when the key was compromised', async () => {
    const id = await obtained(true);
    answer = () => revoked('keyCompromise');
    await during(31, id);
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: { generation: 2 },
    });
    await expect(keyOf(id, 2)).resolves.not.toEqual(await keyOf(id, 1));
  });

  it('does not renew when nothing is known, and asks again within two hours', async () => {
    const id = await obtained();
    answer = () => ({ status: 'unknown' });
    await during(24 * 3, id);
    expect(questions.length).toBeGreaterThan(24);
    expect(issuer.orders).toHaveLength(1);
    expect((await events()).map(({ type }) => type)).toEqual(['certificate_obtained']);
  });

  it('never asks again for a certificate that names no source', async () => {
    const id = await obtained();
    answer = () => ({ status: 'unknown', askAgain: 'never' });
    await during(24 * 20, id);
    expect(questions).toHaveLength(1);
  });

  it('orders only a few certificates from a CA that revokes each of them', async () => {
    const id = await obtained();
    answer = () => revoked('unspecified');
    await during(24 * 60, id);
    expect(issuer.orders.length).toBeGreaterThan(3);
    expect(issuer.orders.length).toBeLessThan(10);
    expect((await provisioner.certificates.get(id)).revocation?.inRow).toBeGreaterThan(3);
  });

  it("is not postponed by the CA's window", async () => {
    const id = await obtained();
    issuer.failures.push(new Error('the CA is away'));
    answer = () => revoked('superseded');
    issuer.window = {
      window: {
        start: clock.now().add({ hours: 24 * 50 }),
        end: clock.now().add({ hours: 24 * 51 }),
      },
      askAgainAt: clock.now().add({ hours: 6 }),
    };
    await during(36, id);
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: { generation: 2 },
    });
  });

  it('ends when it is switched off, and begins for existing certificates when it is switched on', async () => {
    const id = await obtained();
    const quiet = new Provisioner({ storage, issuers: [issuer], clock });
    maintenance = maintenanceOf(quiet);
    await during(24 * 3, id);
    expect(questions).toEqual([]);
    maintenance = maintenanceOf(provisioner);
    await maintenance.replan();
    await during(24 * 3, id);
    expect(questions.length).toBeGreaterThan(1);
  });

  it('is not made for a certificate that a person has revoked', async () => {
    const id = await obtained();
    issuer.revoke = async () => undefined;
    await provisioner.revoke(id, { reason: 'superseded' });
    answer = () => revoked('superseded');
    await during(24 * 3, id);
    expect(questions).toEqual([]);
    expect(issuer.orders).toHaveLength(1);
  });
});
