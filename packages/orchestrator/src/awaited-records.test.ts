import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Awaited,
  CertificateMaintenance,
  type CertificateSpec,
  outbox,
  Provisioner,
} from './index.ts';
import { testIssuer, type TestIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = { names: ['example.test'], issuer: 'test', keyType: 'ec-p256' };
const until = '2026-01-08T00:00:00Z';
const record = (value: string, isSeen = false): Awaited['records'][0] => ({
  type: 'TXT',
  name: '_acme-challenge.example.test',
  value,
  domain: 'example.test',
  isSeen,
});

describe('an order whose records a person sets', () => {
  const clock = virtualClock();
  let issuer: TestIssuer;
  let awaited: Awaited | undefined;
  let provisioner: Provisioner;
  let maintenance: CertificateMaintenance;
  const storage = { current: memoryStorage() };
  beforeEach(async () => {
    storage.current = memoryStorage();
    const signing = await testIssuer(clock);
    issuer = {
      ...signing,
      async issue(request, options) {
        if (!awaited) return await signing.issue(request, options);
        await options.save({ order: 'https://ca.test/order/1' });
        return awaited;
      },
    };
    awaited = { records: [record('first')], until };
    provisioner = new Provisioner({ storage: storage.current, issuers: [issuer], clock });
    maintenance = new CertificateMaintenance({ storage: storage.current, provisioner, clock });
  });
  const ordered = async () => {
    const order = await provisioner.submit({ certificate: spec });
    const { certificate } = await provisioner.status(order);
    return { order, certificate, result: await maintenance.maintain(certificate) };
  };
  const entryOf = async (certificate: string) => {
    for await (const entry of storage.current.list('certificate'))
      if (entry.key.endsWith(certificate)) return entry;
    throw new Error(`${certificate} is not in the storage`);
  };
  const messages = async () => {
    const list: (string | undefined)[] = [];
    for await (const { type, message } of outbox(storage.current).list())
      if (type === 'challenge_record_wanted') list.push(message);
    return list;
  };

  it('is put back while they are wanted, and reports them once', async () => {
    const { order, certificate, result } = await ordered();
    expect(result.outcome).toMatchObject({ state: 'waiting' });
    await expect(provisioner.status(order)).resolves.toMatchObject({
      state: 'pending',
      records: [{ value: 'first', state: 'wanted' }],
      recordsUntil: until,
    });
    expect(Date.parse(result.again ?? '') - clock.now().epochMilliseconds).toBe(60_000);
    await expect(maintenance.maintain(certificate)).resolves.not.toHaveProperty('order');
    await clock.advance({ minutes: 1 });
    await expect(maintenance.maintain(certificate)).resolves.toMatchObject({ order });
    expect(await messages()).toEqual([
      `the TXT record _acme-challenge.example.test must be set by hand until ${until}`,
    ]);
  });
  it('is due at once when all were seen, and then has records that can be removed', async () => {
    const { order, certificate } = await ordered();
    await provisioner.noteRecords(order, () => false);
    expect((await maintenance.maintain(certificate)).order).toBeUndefined();
    await provisioner.noteRecords(order, () => true);
    expect(await provisioner.status(order)).toMatchObject({ records: [{ state: 'seen' }] });
    awaited = undefined;
    await expect(maintenance.maintain(certificate)).resolves.toMatchObject({
      order,
      outcome: { state: 'succeeded' },
    });
    const done = await provisioner.status(order);
    expect(done).toMatchObject({ records: [{ value: 'first', state: 'removable' }] });
    expect(done.recordsUntil).toBeUndefined();
    expect((await provisioner.certificates.get(certificate)).awaits).toBeUndefined();
  });
  it('is due at once also where a reader sees only one of the two records that put it back', async () => {
    const order = await provisioner.submit({ certificate: spec });
    const { certificate } = await provisioner.status(order);
    const before = await entryOf(certificate);
    await maintenance.maintain(certificate);
    // The records of the order are visible, and the certificate is read as it was before.
    const earlier = [before];
    const storageOfReader: Storage = {
      ...storage.current,
      get: async (key, options) =>
        (key === before.key ? earlier.pop() : undefined) ??
        (await storage.current.get(key, options)),
    };
    const reader = new Provisioner({ storage: storageOfReader, issuers: [issuer], clock });
    await reader.noteRecords(order, () => true);
    expect(earlier).toEqual([]);
    awaited = undefined;
    await expect(maintenance.maintain(certificate)).resolves.toMatchObject({
      order,
      outcome: { state: 'succeeded' },
    });
  });
  it('shows and reports new values, and the former ones as those to remove', async () => {
    const { order, certificate } = await ordered();
    awaited = { records: [record('second')], until };
    await clock.advance({ minutes: 1 });
    await maintenance.maintain(certificate);
    await expect(provisioner.status(order)).resolves.toMatchObject({
      records: [
        { value: 'second', state: 'wanted' },
        { value: 'first', state: 'removable' },
      ],
    });
    expect(await messages()).toHaveLength(2);
  });
  it('looks more rarely with time, at least each hour, and when the records expire', async () => {
    const { certificate } = await ordered();
    let [attempts, at] = [0, ''];
    for (; attempts < 500; attempts += 1) {
      const { awaits } = await provisioner.certificates.get(certificate);
      at = awaits?.lookAt ?? '';
      const pauseMs = Date.parse(at) - clock.now().epochMilliseconds;
      expect(pauseMs).toBeLessThanOrEqual(3_600_000);
      if (at >= new Date(until).toISOString()) break;
      await clock.advance({ milliseconds: pauseMs });
      await maintenance.maintain(certificate);
    }
    expect(at).toBe(new Date(until).toISOString());
    expect(attempts).toBeGreaterThan(100);
    expect(attempts).toBeLessThan(300);
  });
  it('ends when it is cancelled, without a further look', async () => {
    const { order, certificate } = await ordered();
    await provisioner.cancel(order);
    await expect(maintenance.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'cancelled' },
    });
    await expect(provisioner.status(order)).resolves.toMatchObject({
      state: 'cancelled',
      records: [{ state: 'removable' }],
    });
    await expect(provisioner.certificates.find(certificate)).resolves.toBeUndefined();
  });
  it('ends when it is cancelled after its issuer was removed, and says what may be left behind', async () => {
    const { order, certificate } = await ordered();
    const without = new Provisioner({ storage: storage.current, issuers: [], clock });
    await without.cancel(order);
    await new CertificateMaintenance({
      ...{ storage: storage.current, provisioner: without, clock },
    }).maintain(certificate);
    await expect(provisioner.status(order)).resolves.toMatchObject({
      state: 'cancelled',
      steps: expect.arrayContaining([
        expect.objectContaining({
          type: 'left-on-display',
          message: expect.stringMatching(
            /^challenge responses may still be published: there is no issuer "test"/,
          ),
        }),
      ]),
    });
  });
});
