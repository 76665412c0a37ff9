import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { base, nonce, post, postAs, raw, testCa } from './ca.testing.ts';

describe('a nonce', () => {
  it('used 200 times at once, at two processes, has one winner', async () => {
    const storage = memoryStorage();
    const [firstCa, secondCa] = [await testCa({ storage }), await testCa({ storage })];
    const account = await firstCa.account();
    const header = { nonce: await nonce(firstCa) };
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        postAs(n % 2 ? firstCa : secondCa, account, account.url, undefined, header),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(
      answers.filter(({ problem, status }) => problem === 'badNonce' && status === 400),
    ).toHaveLength(199);
    expect(new Set(answers.map(({ headers }) => headers.get('replay-nonce'))).size).toBe(200);
  });
  it.each<[string, unknown]>([
    ['missing', undefined],
    ['empty', ''],
    ['a number', 7],
    ['no base64url', '*'.repeat(48)],
    ["another CA's", 'A'.repeat(48)],
    ['too long', 'A'.repeat(10_000)],
  ])('that is %s is refused, and a fresh one comes with the refusal', async (_, wrong) => {
    const ca = await testCa();
    const account = await ca.account();
    const refused = await postAs(ca, account, account.url, undefined, { nonce: wrong });
    expect(refused).toMatchObject({ status: 400, problem: 'badNonce' });
    await expect(
      postAs(ca, account, account.url, undefined, { nonce: refused.headers.get('replay-nonce') }),
    ).resolves.toMatchObject({ status: 200 });
  });
  it('that another CA with the same software made is refused', async () => {
    const [ca, otherCa] = [await testCa(), await testCa()];
    const account = await ca.account();
    await expect(
      postAs(ca, account, account.url, undefined, { nonce: await nonce(otherCa) }),
    ).resolves.toMatchObject({ problem: 'badNonce' });
  });
  it('ends after an hour, and a restart keeps it and what was used', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const [unused, used, old] = [await nonce(ca), await nonce(ca), await nonce(ca)];
    await postAs(ca, account, account.url, undefined, { nonce: used });
    const next = await ca.restarted();
    await expect(
      postAs(next, account, account.url, undefined, { nonce: unused }),
    ).resolves.toMatchObject({ status: 200 });
    await expect(
      postAs(next, account, account.url, undefined, { nonce: used }),
    ).resolves.toMatchObject({ problem: 'badNonce' });
    await ca.clock.advance({ minutes: 62 });
    await expect(
      postAs(next, account, account.url, undefined, { nonce: old }),
    ).resolves.toMatchObject({ problem: 'badNonce' });
  });
  it('takes no room while it is unused, and none for long when it was', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const count = async () => {
      let size = 0;
      for await (const { key } of ca.storage.list('ca/nonce')) size += Number(key !== '');
      return size;
    };
    const before = await count();
    for (let n = 0; n < 300; n++) await nonce(ca);
    expect(await count()).toBe(before);
    for (let n = 0; n < 70; n++) await postAs(ca, account, account.url);
    expect(await count()).toBe(before + 70);
    await ca.clock.advance({ minutes: 62 });
    for (let n = 0; n < 70; n++) await postAs(ca, account, account.url);
    expect(await count()).toBeLessThanOrEqual(75);
  });
  it('is handed out by HEAD with 200 and by GET with 204, never cached, in base64url', async () => {
    const ca = await testCa();
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
    ] as const) {
      const answer = await raw(ca, '/new-nonce', { method });
      expect(answer).toMatchObject({ status, text: '' });
      expect(answer.headers.get('replay-nonce')).toMatch(/^[\w-]{22,}$/);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('link')).toBe(`<${base}/directory>;rel="index"`);
    }
  });
  it('comes with every answer to a POST, whatever it says', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const answers = await Promise.all([
      postAs(ca, account, account.url),
      postAs(ca, account, '/nothing'),
      postAs(ca, account, '/crl'),
      postAs(ca, account, account.url, 'no JSON'),
      raw(ca, '/new-order', { method: 'POST', body: 'x' }),
      raw(ca, '/new-order', {
        method: 'POST',
        headers: { 'content-type': 'application/jose+json' },
        body: 'x'.repeat(70_000),
      }),
      post(ca, '/new-account', {}, { key: account.key, contentType: 'application/json' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 405, 400, 415, 413, 415]);
    for (const { headers } of answers) expect(headers.get('replay-nonce')).toMatch(/^[\w-]{48}$/);
  });
});
