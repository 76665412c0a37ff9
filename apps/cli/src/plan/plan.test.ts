import { memoryStorage } from '@acmex/storage';
import { virtualClock } from '@acmex/clock';
import { budgetPlace, budgetStatus, issuerBudget } from '@acmex/manager';
import { Provisioner } from '@acmex/orchestrator';
import { expect, it } from '@jest/globals';
import { planOf } from './plan.ts';

const issuer = {
  title: "Let's Encrypt",
  directory: 'https://acme-v02.api.letsencrypt.org/directory',
};
const ours = { title: 'ours', directory: 'https://ca.example/directory' };
const clock = virtualClock({ now: '2026-11-30T00:00:00Z' });
const now = clock.now().epochMilliseconds;
const wanted = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    names: [`n${number}.example.com`],
    issuers: [issuer],
  }));

it('says when each certificate can be ordered, and which limit it waits for', async () => {
  const { certificates, end, limits } = await planOf(wanted(46), { storage: memoryStorage(), now });
  expect(certificates[44]).toEqual({
    names: ['n44.example.com'],
    issuer: "Let's Encrypt",
    result: 'planned',
    at: '2026-11-30T00:00:00Z',
    waitsFor: undefined,
  });
  expect(certificates[45]).toMatchObject({
    at: '2026-11-30T03:21:36Z',
    waitsFor: '50 certificates for example.com in 7 days',
  });
  expect(end).toBe('2026-11-30T03:21:36Z');
  expect(limits).toEqual([
    {
      issuer: "Let's Encrypt",
      limit: '50 certificates for example.com in 7 days',
      certificates: 46,
      earliestEnd: '2026-11-30T03:21:36Z',
    },
  ]);
});

it('refuses names that no public CA issues for, and what has too many names', async () => {
  const { certificates } = await planOf(
    [
      { names: ['localhost'], issuers: [issuer] },
      {
        names: Array.from({ length: 101 }, (_, number) => `n${number}.example.com`),
        issuers: [issuer],
      },
      { names: ['host'], issuers: [ours] },
    ],
    { storage: memoryStorage(), now },
  );
  expect(certificates.map(({ result, refusals }) => [result, refusals?.[0]?.code])).toEqual([
    ['refused', 'name'],
    ['refused', 'too-many-names'],
    ['unlimited', undefined],
  ]);
});

it('begins with the budget in the storage, which orders that wait have taken from', async () => {
  const storage = memoryStorage();
  const limits = {
    limits: { 'certificates-per-domain': { capacity: 1, periodMs: 3_600_000 } },
    renewalShare: 0,
  };
  const limited = { ...issuer, limits };
  const budget = await issuerBudget(limited);
  const never = new Error('the CA is not asked');
  const provisioner = new Provisioner({
    storage,
    clock,
    issuers: [
      {
        name: 'test',
        budget,
        issue: async (_, { save }) => {
          await save({ order: 'https://ca.example/order/1' });
          throw never;
        },
        abandon: async () => undefined,
      },
    ],
  });
  const order = await provisioner.submit({
    certificate: { names: ['a.example.com'], issuer: 'test', keyType: 'ec-p256' },
  });
  await expect(provisioner.execute(order)).resolves.toMatchObject({ error: never });
  const { certificates } = await planOf([{ names: ['b.example.com'], issuers: [limited] }], {
    storage,
    now,
  });
  expect(certificates[0]).toMatchObject({ at: '2026-11-30T01:00:00Z' });
  expect(await budgetStatus(storage, limited, { now })).toEqual([
    { limit: 'new-orders', capacity: 300, available: 299, fullAt: '2026-11-30T00:00:36.000Z' },
    { limit: 'certificates-per-domain', subject: 'example.com', capacity: 1, available: 0 },
  ]);
  expect(budgetPlace(limited).ca).toMatch(/^acme-v02\.api\.letsencrypt\.org-[0-9a-f]{12}$/);
});

it('says which issuer issues where the limits of the preferred one are used up', async () => {
  const both = (limits?: { readonly capacity: number; readonly periodMs: number }) => {
    const second = { ...ours, limits: limits && { limits: { 'new-orders': limits } } };
    return wanted(50).map(({ names }) => ({ names, issuers: [issuer, second] }));
  };
  const storage = memoryStorage();
  const open = await planOf(both(), { storage, now });
  expect(open.certificates[44]).not.toHaveProperty('insteadOf');
  expect(open.certificates[45]).toEqual({
    ...{ names: ['n45.example.com'], issuer: 'ours', insteadOf: "Let's Encrypt" },
    result: 'unlimited',
  });
  // Two are free now, and one comes each hour: sooner than at the preferred one.
  const limited = await planOf(both({ capacity: 2, periodMs: 7_200_000 }), { storage, now });
  expect(
    limited.certificates.slice(45).map(({ at, issuer: title }) => [title, at?.slice(11, 16)]),
  ).toEqual([
    ['ours', '00:00'],
    ['ours', '00:00'],
    ['ours', '01:00'],
    ['ours', '02:00'],
    ['ours', '03:00'],
  ]);
});
