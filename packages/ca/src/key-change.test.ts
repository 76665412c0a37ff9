import { type AccountKey, changeKey, generateAccountKey, signJws } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { memoryStorage } from '@acmex/storage';
import { base, post, postAs, testCa, type TestCa, type TestClient } from './ca.testing.ts';

const url = `${base}/key-change`;

/** A key change with something wrong in the inner JWS. */
async function change(
  ca: TestCa,
  account: TestClient,
  newKey: AccountKey,
  {
    header = {},
    payload = {},
    signer = newKey,
  }: { readonly header?: object; readonly payload?: object; readonly signer?: AccountKey } = {},
) {
  const inner = await signJws(
    signer,
    { jwk: newKey.jwk, url, ...header },
    JSON.stringify({ account: account.url, oldKey: account.key.jwk, ...payload }),
  );
  return await postAs(ca, account, '/key-change', inner);
}

describe('a key change', () => {
  it('lets the new key sign and the old one no more', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { key } = await generateAccountKey();
    await ca.clock.run(changeKey(account.session, key));
    await expect(
      post(ca, account.url, undefined, { key, kid: account.url }),
    ).resolves.toMatchObject({ status: 200 });
    await expect(postAs(ca, account, account.url)).resolves.toMatchObject({ problem: 'malformed' });
    const existing = await post(ca, '/new-account', { onlyReturnExisting: true }, { key });
    expect(existing.headers.get('location')).toBe(account.url);
    await expect(
      post(ca, '/new-account', { onlyReturnExisting: true }, { key: account.key }),
    ).resolves.toMatchObject({ problem: 'accountDoesNotExist' });
  });
  it('to a key that an account has is refused with 409 and that account', async () => {
    const ca = await testCa();
    const [account, otherAccount] = [await ca.account(), await ca.account()];
    for (const taken of [otherAccount, account]) {
      const refused = await change(ca, account, taken.key);
      expect(refused.status).toBe(409);
      expect(refused.headers.get('location')).toBe(taken.url);
    }
  });
  it('by two at once has one winner', async () => {
    const storage = memoryStorage();
    const reading: (() => void)[] = [];
    let isHeld = false;
    const ca = await testCa({
      storage: {
        ...storage,
        // Neither writes before both have read.
        async get(key) {
          const entry = await storage.get(key);
          if (!isHeld || !key.startsWith('ca/account-by-key/')) return entry;
          await new Promise<void>((resolve) => {
            if (reading.push(resolve) < 2) return;
            isHeld = false;
            for (const goOn of reading) goOn();
          });
          return entry;
        },
      },
    });
    const account = await ca.account();
    const keys = await Promise.all([generateAccountKey(), generateAccountKey()]);
    isHeld = true;
    const answers = await Promise.all(keys.map(({ key }) => change(ca, account, key)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
    const winner = keys[answers.findIndex(({ status }) => status === 200)]!.key;
    await expect(
      post(ca, account.url, undefined, { key: winner, kid: account.url }),
    ).resolves.toMatchObject({ status: 200 });
  });
  it.each<
    [
      string,
      (clients: {
        readonly account: TestClient;
        readonly otherAccount: TestClient;
        readonly third: AccountKey;
      }) => Parameters<typeof change>[3],
      string,
    ]
  >([
    ['another URL inside', () => ({ header: { url: `${base}/new-order` } }), 'malformed'],
    ['a nonce inside', () => ({ header: { nonce: 'abc' } }), 'malformed'],
    [
      'a kid inside',
      ({ account }) => ({ header: { kid: account.url, jwk: undefined } }),
      'malformed',
    ],
    ['both kid and jwk inside', ({ account }) => ({ header: { kid: account.url } }), 'malformed'],
    ['alg none inside', () => ({ header: { alg: 'none' } }), 'badSignatureAlgorithm'],
    ['crit inside', () => ({ header: { crit: ['x'] } }), 'malformed'],
    [
      'another account inside',
      ({ otherAccount }) => ({ payload: { account: otherAccount.url } }),
      'malformed',
    ],
    [
      'another old key inside',
      ({ otherAccount }) => ({ payload: { oldKey: otherAccount.key.jwk } }),
      'malformed',
    ],
    ['no old key inside', () => ({ payload: { oldKey: undefined } }), 'malformed'],
    ['an old key that is none', () => ({ payload: { oldKey: { kty: 'x' } } }), 'malformed'],
    ['the signature of another key inside', ({ third }) => ({ signer: third }), 'malformed'],
  ])('with %s is refused, and the account keeps its key', async (_, wrong, problem) => {
    const ca = await testCa();
    const [account, otherAccount] = [await ca.account(), await ca.account()];
    const [{ key }, { key: third }] = await Promise.all([
      generateAccountKey(),
      generateAccountKey(),
    ]);
    await expect(
      change(ca, account, key, wrong({ account, otherAccount, third })),
    ).resolves.toMatchObject({ status: 400, problem });
    await expect(postAs(ca, account, account.url)).resolves.toMatchObject({ status: 200 });
  });
  it.each([undefined, {}, { protected: 'x' }])(
    'with %j in place of the inner JWS is refused',
    async (payload) => {
      const ca = await testCa();
      await expect(postAs(ca, await ca.account(), '/key-change', payload)).resolves.toMatchObject({
        status: 400,
        problem: 'malformed',
      });
    },
  );
});
