import { generateAccountKey } from '@acmex/protocol';
import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { base, post, postAs, raw, testCa } from './ca.testing.ts';
import { tokenBuckets } from './index.ts';

describe('token buckets', () => {
  it('give so many at once, then one after another as time goes by, to each for himself', async () => {
    const clock = virtualClock();
    const limiter = tokenBuckets({
      clock,
      buckets: { order: { tokens: 3, every: { seconds: 30 } } },
    });
    const take = (by: string) => limiter.take('order', by);
    expect([
      await take('a'),
      await take('a'),
      await take('a'),
      await take('a'),
      await take('b'),
    ]).toEqual([0, 0, 0, 10, 0]);
    await clock.advance({ seconds: 9 });
    expect(await take('a')).toBe(1);
    await clock.advance({ seconds: 1 });
    expect([await take('a'), await take('a')]).toEqual([0, 10]);
    await clock.advance({ hours: 1 });
    expect([await take('a'), await take('a'), await take('a'), await take('a')]).toEqual([
      0, 0, 0, 10,
    ]);
  });
  it('remember no more than they should', async () => {
    const limiter = tokenBuckets({
      clock: virtualClock(),
      remembered: 10,
      buckets: { nonce: { tokens: 1, every: { hours: 1 } } },
    });
    for (let n = 0; n < 1000; n++) await limiter.take('nonce', `address ${n}`);
    expect([
      await limiter.take('nonce', 'address 0'),
      await limiter.take('nonce', 'address 999'),
    ]).toEqual([0, 3600]);
  });
});

describe('a server with limits', () => {
  it('refuses accounts, orders and nonces over them with 429 and whole seconds', async () => {
    const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
    const every = { hours: 1 };
    const ca = await testCa({
      clock,
      rateLimiter: tokenBuckets({
        clock,
        buckets: {
          account: { tokens: 1, every },
          order: { tokens: 1, every },
          nonce: { tokens: 20, every },
        },
      }),
    });
    const account = await ca.account();
    const identifiers = [{ type: 'dns', value: 'a.test' }];
    await expect(postAs(ca, account, '/new-order', { identifiers })).resolves.toMatchObject({
      status: 201,
    });
    for (const answer of [
      await postAs(ca, account, '/new-order', { identifiers }),
      await post(ca, '/new-account', {}, { key: (await generateAccountKey()).key }),
    ]) {
      expect(answer).toMatchObject({ status: 429, problem: 'rateLimited' });
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect(answer.headers.get('replay-nonce')).not.toBeNull();
    }
    await expect(post(ca, '/new-account', {}, { key: account.key })).resolves.toMatchObject({
      status: 200,
    });
    let last = await raw(ca, '/new-nonce');
    for (let n = 0; n < 25; n++) last = await raw(ca, '/new-nonce');
    expect(last).toMatchObject({ status: 429, problem: 'rateLimited' });
    const elsewhere = await ca.server.handler(new Request(`${base}/new-nonce`), {
      address: '192.0.2.99',
    });
    expect(elsewhere.status).toBe(204);
  });
  it('counts the addresses of one IPv6 network as one client', async () => {
    const ca = await testCa({
      rateLimiter: tokenBuckets({ buckets: { nonce: { tokens: 3, every: { hours: 1 } } } }),
    });
    const askedBy = async (address: string) =>
      (await ca.server.handler(new Request(`${base}/new-nonce`), { address })).status;
    expect([
      await askedBy('2001:db8::1'),
      await askedBy('2001:db8::1:0:0:2'),
      await askedBy('2001:0DB8:0:0:ffff::3'),
      await askedBy('2001:db8:0:0:4:4:4:4'),
    ]).toEqual([204, 204, 204, 429]);
    expect([await askedBy('2001:db8:0:1::1'), await askedBy('192.0.2.1')]).toEqual([204, 204]);
  });
  it('refuses an address for a while that sends requests without a valid signature (S8)', async () => {
    const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
    const ca = await testCa({
      clock,
      rateLimiter: tokenBuckets({
        clock,
        buckets: { 'refused-request': { tokens: 3, every: { minutes: 1 } } },
      }),
    });
    const account = await ca.account();
    const bad = () =>
      raw(ca, '/new-order', {
        method: 'POST',
        headers: { 'content-type': 'application/jose+json' },
        body: '{}',
      });
    const answers = [await bad(), await bad(), await bad(), await bad(), await bad()];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 429]);
    const refused = await postAs(ca, account, account.url);
    expect(refused).toMatchObject({ status: 429, problem: 'rateLimited' });
    expect(refused.headers.get('retry-after')).toBe('20');
    await clock.advance({ seconds: 20 });
    await expect(postAs(ca, account, account.url)).resolves.toMatchObject({ status: 200 });
  });
});
