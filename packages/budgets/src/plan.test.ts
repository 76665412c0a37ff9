import { expect, it } from '@jest/globals';
import { plan, type PlannedOrder, take, wellKnownLimits } from './index.ts';
import { registeredDomain } from './registered-domain.ts';

const limits = wellKnownLimits['https://acme-v02.api.letsencrypt.org/directory']!;
const now = Date.parse('2026-11-30T00:00:00Z');
const day = 86_400_000;
const options = { limits, registeredDomain, now, renewalShare: 0 };
const order = (...names: string[]): PlannedOrder => ({ names, account: 'a' });

/** 60 % of the names are below one registered domain. */
function fleet(count: number): readonly PlannedOrder[] {
  return Array.from({ length: count }, (_, index) =>
    order(index % 5 < 3 ? `n${index}.example.com` : `www.example-${index}.net`),
  );
}

it('orders within all limits, and ends when the narrowest limit allows it', () => {
  const orders = fleet(2000);
  const { entries, end, used } = plan(orders, options);
  const times = entries.map((entry) => ('at' in entry ? entry.at : NaN));
  for (const [limit, chosen] of [
    [limits.limits['new-orders']!, times],
    [
      limits.limits['certificates-per-domain']!,
      times.filter((_, index) => orders[index]!.names[0]!.endsWith('.example.com')),
    ],
  ] as const) {
    let bucket: ReturnType<typeof take>;
    for (const at of [...chosen].sort((a, b) => a - b)) {
      bucket = take(bucket, limit, at);
      expect(bucket).toBeDefined();
    }
  }
  expect(used[0]).toMatchObject({ limit: 'certificates-per-domain', taken: 1200 });
  expect(used[0]!.earliestEnd).toBeCloseTo(now + ((1200 - 50) * 7 * day) / 50, -1);
  expect(end).toBeCloseTo(used[0]!.earliestEnd, -1);
  const rest = times.filter((_, index) => index % 5 >= 3);
  expect(Math.max(...rest)).toBeLessThan(now + 2000 * 36_000);
});

it('orders renewals first, and begins where the stored buckets are', () => {
  const first = plan(
    Array.from({ length: 50 }, (_, n) => order(`n${n}.example.com`)),
    options,
  );
  const orders = [order('x.example.com'), { ...order('y.example.com'), isRenewal: true }];
  const { entries } = plan(orders, { ...options, buckets: first.buckets });
  expect(entries).toMatchObject([{ at: now + 2 * ((7 * day) / 50) }, { at: now + (7 * day) / 50 }]);
});

it('waits for an order that is not wanted before a time', () => {
  const { entries } = plan(
    [{ ...order('a.test'), notBefore: now + day }, order('b.test')],
    options,
  );
  expect(entries).toEqual([{ at: now + day }, { at: now }]);
});

it('says what the CA would refuse at any time', () => {
  const long = Array.from({ length: 99 }, (_, n) => `${'a'.repeat(60)}.${'b'.repeat(40)}${n}.com`);
  const { entries, end } = plan(
    [
      order(...Array.from({ length: 101 }, (_, n) => `n${n}.example.com`)),
      { ...order(...Array.from({ length: 26 }, (_, n) => `n${n}.net`)), profile: 'tlsserver' },
      order(...long),
      order('192.0.2.1'),
      { ...order('192.0.2.1'), profile: 'shortlived' },
    ],
    options,
  );
  expect(
    entries.map((entry) => ('refusals' in entry ? entry.refusals.map(({ code }) => code) : [])),
  ).toEqual([['too-many-names'], ['too-many-names'], ['too-many-bytes'], ['address'], []]);
  expect(entries[0]).toMatchObject({
    refusals: [{ message: expect.stringMatching(/^it has 101 names, and the CA allows 100: /) }],
  });
  expect(end).toBe(now);
});

it('plans 10,000 certificates, 60 % below one domain, in less than a few seconds', () => {
  const { end, used } = plan(fleet(10_000), options);
  expect(end).toBeCloseTo(used[0]!.earliestEnd, -1);
});
