import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CaLimits, available, type LimitName } from '@acmex/budgets';
import { registeredDomain } from '@acmex/budgets/registered-domain';
import { virtualClock } from '@acmex/clock';
import { removeFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AcmexEvent,
  CertificateMaintenance,
  outbox,
  Provisioner,
  stateOf,
  storedBudgets,
} from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const hour = 3_600_000;
const limits: CaLimits = {
  exemptsRenewals: true,
  limits: {
    'new-orders': { capacity: 5, periodMs: 5 * hour },
    'certificates-per-domain': { capacity: 2, periodMs: 20 * hour },
    'certificates-per-name-set': { capacity: 5, periodMs: 168 * hour },
    'failed-validations': { capacity: 1, periodMs: hour },
  },
};
let clock: ReturnType<typeof virtualClock>;
let storage: Storage;
let issuer: TestIssuer;
let provisioner: Provisioner;
let maintenance: CertificateMaintenance;

const withBudget = <I extends TestIssuer>(of: I): I =>
  Object.assign(of, {
    budget: { ca: 'ca.test', account: 'main', limits, renewalShare: 0, registeredDomain },
  });

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  storage = memoryStorage();
  issuer = withBudget(await testIssuer(clock));
  provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  maintenance = new CertificateMaintenance({ storage, provisioner, clock });
});

const obtain = async (...names: string[]) => {
  const order = await provisioner.submit({
    certificate: { names, issuer: 'test', keyType: 'ec-p256' },
  });
  return { order, outcome: await provisioner.execute(order) };
};
const left = async (limit: LimitName, subject: string) => {
  for await (const { limit: name, subject: of, ...bucket } of storedBudgets(storage, 'ca.test'))
    if (name === limit && of === subject)
      return available(bucket, limits.limits[limit]!, clock.now().epochMilliseconds);
  return limits.limits[limit]!.capacity;
};
const held = async () => {
  const holders: string[] = [];
  for await (const bucket of storedBudgets(storage, 'ca.test'))
    holders.push(...Object.keys(bucket.held ?? {}));
  return holders;
};
const events = async () => {
  const all: AcmexEvent[] = [];
  for await (const event of outbox(storage).list()) all.push(event);
  return all;
};
const idsOf = async (query: { readonly waiting: true } | { readonly failing: true }) => {
  const page = await provisioner.certificates.page({ ...query, limit: 10 });
  const state = 'waiting' in query ? 'waiting' : 'failing';
  expect(page.certificates.map((certificate) => stateOf(certificate, clock))).toEqual(
    page.certificates.map(() => state),
  );
  return page.certificates.map(({ id }) => id);
};
/** Does all that is due until a time. */
const run = async (hours: number) => {
  const end = clock.now().epochMilliseconds + hours * hour;
  for (;;) {
    const at = await provisioner.certificates.nextDue();
    if (at === undefined || Date.parse(at) > end) break;
    const milliseconds = Math.max(0, Date.parse(at) - clock.now().epochMilliseconds);
    await clock.advance({ milliseconds });
    for await (const { id } of provisioner.certificates.due(clock.now()))
      await maintenance.maintain(id);
  }
  await clock.advance({ milliseconds: end - clock.now().epochMilliseconds });
};

describe('an order within the limits of its CA', () => {
  it('is made when they allow it, and says until when it waits and for what', async () => {
    await obtain('a.x.test');
    await obtain('b.x.test');
    const { order, outcome } = await obtain('c.x.test');
    expect(outcome).toMatchObject({
      state: 'failed',
      error: { code: 'ERR_ORCHESTRATOR_BUDGET' },
      retryAt: '2026-11-01T10:00:00Z',
    });
    expect((await provisioner.status(order)).failure?.message).toBe(
      'the issuer test allows 2 certificates for x.test in 20 hours, and this order can have none before 2026-11-01T10:00:00Z',
    );
    await expect(idsOf({ waiting: true })).resolves.toEqual([
      (await provisioner.status(order)).certificate,
    ]);
    await expect(idsOf({ failing: true })).resolves.toEqual([]);
    const { type, code } = (await events()).at(-1)!;
    expect({ type, code }).toEqual({ type: 'renewal_skipped', code: 'ERR_ORCHESTRATOR_BUDGET' });
    expect(issuer.orders).toHaveLength(2);
    await obtain('d.y.test');
    await run(9.9);
    expect(issuer.orders).toHaveLength(3);
    await run(0.2);
    expect(issuer.orders).toHaveLength(4);
    expect((await provisioner.status(order)).state).toBe('succeeded');
    expect(await held()).toEqual([]);
  });

  it('has a time of its own where many wait, and each is made at its time', async () => {
    const orders = [];
    for (let count = 0; count < 8; count += 1) orders.push(await obtain(`n${count}.x.test`));
    const times = orders.map(({ outcome }) => ('retryAt' in outcome ? outcome.retryAt : ''));
    expect(times.filter((at) => at !== '')).toEqual(
      [10, 20, 30, 40, 50, 60].map((hours) => clock.now().add({ hours }).toString()),
    );
    await run(61);
    for (const { order } of orders)
      expect((await provisioner.status(order)).state).toBe('succeeded');
    expect((await events()).filter(({ type }) => type === 'renewal_skipped')).toHaveLength(6);
  });

  it('takes nothing for a renewal in the window that the CA suggests', async () => {
    const { order } = await obtain('a.x.test');
    await obtain('b.x.test');
    const { certificate } = await provisioner.status(order);
    const start = clock.now().add({ hours: 1 });
    issuer.window = {
      window: { start, end: start.add({ minutes: 50 }) },
      askAgainAt: start.add({ hours: 100 }),
    };
    await provisioner.refreshRenewalInfo(certificate);
    await run(2);
    expect((await provisioner.certificates.get(certificate)).current?.generation).toBe(2);
    expect(issuer.requests.at(-1)?.replaces).toBeDefined();
    expect(await left('new-orders', 'main')).toBe(5);
    expect(await left('certificates-per-name-set', 'a.x.test')).toBe(4);
  });

  it('takes what the window saved when the CA refuses the reference to the replaced certificate', async () => {
    const { order } = await obtain('a.x.test');
    const { certificate } = await provisioner.status(order);
    const start = clock.now().add({ hours: 1 });
    issuer.window = {
      window: { start, end: start.add({ minutes: 50 }) },
      askAgainAt: start.add({ hours: 100 }),
    };
    await provisioner.refreshRenewalInfo(certificate);
    issuer.failures.push(
      Object.assign(new Error('it is replaced'), {
        code: 'ERR_ACME_ALREADY_REPLACED',
        status: 409,
      }),
    );
    await run(2);
    expect((await provisioner.certificates.get(certificate)).current?.generation).toBe(2);
    expect(await left('certificates-per-name-set', 'a.x.test')).toBe(3);
  });

  it('gives back what it has taken when it fails, and counts the names that were not validated', async () => {
    issuer.failures.push(
      Object.assign(new Error('not validated'), {
        code: 'ERR_CLIENT_VALIDATION_FAILED',
        failures: [{ identifier: { type: 'dns', value: 'a.x.test' }, wildcard: false }],
      }),
    );
    await obtain('a.x.test', 'b.x.test');
    expect(await held()).toEqual([]);
    expect(await left('certificates-per-domain', 'x.test')).toBe(2);
    const { order, outcome } = await obtain('a.x.test');
    // Another certificate has failed: this one only waits.
    await expect(idsOf({ waiting: true })).resolves.toEqual([
      (await provisioner.status(order)).certificate,
    ]);
    await expect(idsOf({ failing: true })).resolves.toHaveLength(1);
    expect(outcome).toMatchObject({
      error: { message: expect.stringMatching(/ failed validations of a\.x\.test in an hour,/) },
    });
    expect((await obtain('b.x.test')).outcome).toMatchObject({ state: 'succeeded' });
  });

  it('keeps what it has taken while the CA has its order, and gives it back when it is cancelled', async () => {
    issuer.onWait = async () => {
      throw Object.assign(new Error('unreachable'), { code: 'ERR_ACME_UNREACHABLE' });
    };
    const { order } = await obtain('a.x.test');
    expect(await held()).toEqual([order, order]);
    expect(await left('new-orders', 'main')).toBe(4);
    issuer.onWait = async () => undefined;
    await provisioner.cancel(order);
    await provisioner.execute(order);
    expect(await held()).toEqual([]);
    expect(await left('certificates-per-domain', 'x.test')).toBe(2);
  });

  it('is corrected by the refusal of the CA', async () => {
    const until = clock.now().add({ hours: 30 });
    issuer.failures.push(
      Object.assign(new Error('limited'), {
        code: 'ERR_ACME_RATE_LIMITED',
        status: 429,
        retryAfter: until,
        problem: { detail: 'too many certificates (2) already issued for "x.test"' },
      }),
    );
    await obtain('a.x.test');
    expect(await left('certificates-per-domain', 'x.test')).toBe(0);
    await run(31);
    expect(issuer.orders).toHaveLength(1);
    expect(await left('certificates-per-domain', 'x.test')).toBe(0);
    expect(await left('certificates-per-domain', 'y.test')).toBe(2);
  });

  it('counts a certificate of the CA that cannot be used', async () => {
    issuer.lifetime = { hours: 0 };
    await obtain('a.x.test');
    expect(await held()).toEqual([]);
    expect(await left('certificates-per-domain', 'x.test')).toBe(1);
  });

  it('with names of more domains than one write takes is counted once for each', async () => {
    const names = Array.from({ length: 90 }, (_, number) => `www.n${number}.test`);
    await obtain(...names);
    for (const number of [0, 45, 89])
      expect(await left('certificates-per-domain', `n${number}.test`)).toBe(1);
    expect(await held()).toEqual([]);
  });
});

it('never takes more than the limits allow, with 20 storages of one folder at work at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'acmex-budgets-'));
  const storages = Array.from({ length: 20 }, () => fileStorage({ path: folder }));
  try {
    const issuers = await Promise.all(
      storages.map(async () => withBudget(await testIssuer(clock))),
    );
    const outcomes = await Promise.all(
      storages.map(async (place, index) => {
        const single = new Provisioner({ storage: place, issuers: [issuers[index]!], clock });
        const order = await single.submit({
          certificate: { names: [`n${index}.d${index}.test`], issuer: 'test', keyType: 'ec-p256' },
        });
        return await single.execute(order);
      }),
    );
    expect(outcomes.filter(({ state }) => state === 'succeeded')).toHaveLength(5);
    expect(issuers.flatMap(({ orders }) => orders)).toHaveLength(5);
    const times = outcomes.flatMap((outcome) =>
      outcome.state === 'failed' ? [outcome.retryAt ?? ''] : [],
    );
    expect(times.sort()).toEqual(
      Array.from({ length: 15 }, (_, hours) =>
        clock
          .now()
          .add({ hours: hours + 1 })
          .toString(),
      ),
    );
  } finally {
    for (const place of storages) await place[Symbol.asyncDispose]();
    await removeFolder(folder);
  }
});
