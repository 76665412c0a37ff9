import { expect, it } from '@jest/globals';
import {
  admit,
  type Bucket,
  type BudgetedOrder,
  chargesOf,
  type OrderEvent,
  refusedCharges,
  settle,
  wellKnownLimits,
} from './index.ts';
import { registeredDomain } from './registered-domain.ts';

const limits = wellKnownLimits['https://acme-v02.api.letsencrypt.org/directory']!;
const now = Date.parse('2026-11-30T00:00:00Z');
const day = 86_400_000;
const options = { now, isRenewal: false, renewalShare: 0.1 };

/** The buckets of a CA, as a storage has them. */
function budgets() {
  const buckets = new Map<string, Bucket>();
  const chargesFor = (order: Omit<BudgetedOrder, 'account'>) =>
    chargesOf({ account: 'a', ...order }, limits, { registeredDomain });
  const write = (changed: ReadonlyMap<string, Bucket>) => {
    for (const [key, bucket] of changed) buckets.set(key, bucket);
  };
  return {
    buckets,
    admit(by: string, order: Omit<BudgetedOrder, 'account'>, more: Partial<typeof options> = {}) {
      const admission = admit(chargesFor(order), (key) => buckets.get(key), {
        ...options,
        ...more,
        by,
      });
      write(admission.buckets);
      return admission;
    },
    settle(by: string, order: Omit<BudgetedOrder, 'account'>, event: OrderEvent) {
      write(settle(chargesFor(order), (key) => buckets.get(key), event, { now, by }));
    },
    chargesFor,
  };
}

it.each([
  ['*.www.example.co.uk', 'example.co.uk'],
  ['you.github.io', 'you.github.io'],
  ['a.you.github.io', 'you.github.io'],
  ['co.uk', 'co.uk'],
  ['_acme.example.com', 'example.com'],
  ['localhost', 'localhost'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:0:1:2::3', '2001:db8:0:1::/64'],
])('counts %s for %s', (name, domain) => {
  expect(registeredDomain(name)).toBe(domain);
});

it('keeps a share of each domain for renewals, and says which limit an order waits for', () => {
  const { admit: ask } = budgets();
  const admitted = Array.from({ length: 50 }, (_, index) =>
    ask(`ord_${index}`, { names: [`n${index}.example.com`] }),
  );
  expect(admitted.map(({ isAdmitted }) => isAdmitted).indexOf(false)).toBe(45);
  expect(admitted[45]).toMatchObject({
    charge: { limit: 'certificates-per-domain', subject: 'example.com' },
    at: now + (7 * day) / 50,
  });
  expect(ask('renewal', { names: ['old.example.com'] }, { isRenewal: true })).toMatchObject({
    isAdmitted: true,
  });
  expect(ask('else', { names: ['example.net'] })).toMatchObject({ isAdmitted: true });
});

it('takes nothing for a renewal in the window, and only its set of names for the same names', () => {
  const { admit: ask } = budgets();
  const names = ['a.example.com', 'b.example.net'];
  expect(ask('ord_1', { names, exemption: 'window' }).buckets.size).toBe(0);
  expect([...ask('ord_2', { names, exemption: 'same-names' }).buckets.keys()]).toEqual([
    expect.stringMatching(/^certificates-per-name-set\/~[0-9a-f]{40}$/),
  ]);
  expect([...ask('ord_3', { names }).buckets.keys()]).toEqual(
    expect.arrayContaining([
      'new-orders/a',
      'certificates-per-domain/example.com',
      'certificates-per-domain/example.net',
    ]),
  );
});

it('counts an order when it is made, a certificate when it is issued, and a failure when it fails', () => {
  const { buckets, ...budget } = budgets();
  const order = { names: ['a.example.com'] };
  budget.admit('ord_1', order);
  budget.settle('ord_1', order, { type: 'ordered' });
  expect(buckets.get('new-orders/a')).toEqual({ fullAt: now + 36_000, held: undefined });
  expect(buckets.get('certificates-per-domain/example.com')?.held).toEqual({ ord_1: now });
  budget.settle('ord_1', order, { type: 'failed', notValidated: ['a.example.com'] });
  expect(buckets.get('certificates-per-domain/example.com')).toMatchObject({ fullAt: 0 });
  for (let failure = 1; failure < 5; failure += 1)
    budget.settle('ord_1', order, { type: 'failed', notValidated: ['a.example.com'] });
  expect(budget.admit('ord_2', order)).toMatchObject({
    charge: { limit: 'failed-validations', subject: 'a a.example.com' },
    at: now + 720_000,
  });
  budget.settle('ord_1', order, { type: 'issued' });
  const key = budget.chargesFor(order).find((c) => c.limit === 'consecutive-failed-validations')!;
  expect(buckets.get(key.key)).toEqual({ fullAt: 0 });
});

it.each([
  [
    'too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-30 01:00:00 UTC',
    ['a'],
  ],
  [
    'too many certificates (50) already issued for "example.com" in the last 168h0m0s, retry after 2026-11-30 01:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/#example.net',
    ['example.com'],
  ],
  [
    'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s',
    ['a.example.com b.example.net'],
  ],
  [
    'too many failed authorizations (5) for "a.example.com" in the last 1h0m0s',
    ['a a.example.com'],
  ],
  ['Service busy; retry later.', []],
])('reads what is limited: %s', (detail, subjects) => {
  const { chargesFor, buckets, ...budget } = budgets();
  const order = { names: ['a.example.com', 'b.example.net'] };
  const charges = refusedCharges(detail, chargesFor(order));
  expect(charges.map(({ subject }) => subject)).toEqual(subjects);
  budget.settle('ord_1', order, { type: 'limited', charges, until: now + day });
  const admission = budget.admit('ord_2', order);
  expect(admission.isAdmitted).toBe(subjects.length === 0);
  if (!admission.isAdmitted) expect(admission.at).toBeGreaterThanOrEqual(now + day);
});
