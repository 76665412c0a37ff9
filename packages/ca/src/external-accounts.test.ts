import { type AccountKey, type ExternalAccount, generateAccountKey } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { FlattenedSign } from 'jose';
import { base, post, testCa, type TestCa } from './ca.testing.ts';
import {
  createExternalAccount,
  listExternalAccounts,
  type NewExternalAccount,
  revokeExternalAccount,
} from './index.ts';

const url = `${base}/new-account`;

async function ask(
  ca: TestCa,
  key: AccountKey,
  { kid, hmacKey }: NewExternalAccount,
  { header = {}, jwk = key.jwk }: { readonly header?: object; readonly jwk?: object } = {},
) {
  const externalAccountBinding = await new FlattenedSign(Buffer.from(JSON.stringify(jwk)))
    .setProtectedHeader({ alg: 'HS256', kid, url, ...header })
    .sign(Buffer.from(hmacKey, 'base64url'));
  return await post(ca, '/new-account', { externalAccountBinding }, { key });
}

describe('an external account', () => {
  it.each<ExternalAccount['algorithm']>(['HS256', 'HS384', 'HS512'])(
    'binds an account, with %s',
    async (algorithm) => {
      const ca = await testCa({ externalAccountRequired: true });
      const external = await createExternalAccount(ca.storage, {
        description: 'for web-1',
        clock: ca.clock,
      });
      await ca.account({ externalAccount: { ...external, ...(algorithm ? { algorithm } : {}) } });
      const listed = [];
      for await (const externalAccount of listExternalAccounts(ca.storage))
        listed.push(externalAccount);
      expect(listed).toEqual([
        expect.objectContaining({
          kid: external.kid,
          description: 'for web-1',
          account: expect.stringMatching(/^acc_/),
        }),
      ]);
      expect(JSON.stringify(listed)).not.toContain(external.hmacKey);
    },
  );
  it('has a key that no command line takes for an option', async () => {
    const { storage } = await testCa();
    // One in 64 would be.
    const keys = await Promise.all(
      Array.from({ length: 500 }, async () => (await createExternalAccount(storage)).hmacKey),
    );
    for (const key of keys) expect(key).toMatch(/^\w[\w-]{42}$/);
  });
  it('is asked for where it is required, and not of an account that there is', async () => {
    const ca = await testCa({ externalAccountRequired: true });
    const { key } = await generateAccountKey();
    await expect(post(ca, '/new-account', {}, { key })).resolves.toMatchObject({
      status: 403,
      problem: 'externalAccountRequired',
    });
    await expect(ask(ca, key, await createExternalAccount(ca.storage))).resolves.toMatchObject({
      status: 201,
    });
    await expect(post(ca, '/new-account', {}, { key })).resolves.toMatchObject({ status: 200 });
  });
  it('binds one account, of several that ask at once', async () => {
    const ca = await testCa();
    const external = await createExternalAccount(ca.storage);
    const keys = await Promise.all(Array.from({ length: 5 }, () => generateAccountKey()));
    const answers = await Promise.all(keys.map(({ key }) => ask(ca, key, external)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(
      answers.filter(({ status, problem }) => status === 403 && problem === 'unauthorized'),
    ).toHaveLength(4);
  });
  it('that is reusable binds several', async () => {
    const ca = await testCa();
    const external = await createExternalAccount(ca.storage, { reusable: 'reusable' });
    for (let n = 0; n < 2; n++)
      await expect(ask(ca, (await generateAccountKey()).key, external)).resolves.toMatchObject({
        status: 201,
      });
  });
  it('that was revoked binds none', async () => {
    const ca = await testCa();
    const external = await createExternalAccount(ca.storage);
    for (let n = 0; n < 2; n++) await revokeExternalAccount(ca.storage, external.kid);
    await expect(ask(ca, (await generateAccountKey()).key, external)).resolves.toMatchObject({
      problem: 'unauthorized',
    });
    await expect(revokeExternalAccount(ca.storage, 'eab_nobody')).rejects.toMatchObject({
      code: 'ERR_CA_EXTERNAL_ACCOUNT',
    });
  });
  it.each<
    [
      string,
      (good: NewExternalAccount) => {
        readonly external?: NewExternalAccount;
        readonly header?: object;
        readonly jwk?: object;
      },
      string,
    ]
  >([
    ['another key', (good) => ({ external: { ...good, hmacKey: 'A'.repeat(43) } }), 'unauthorized'],
    [
      'a name that there is not',
      (good) => ({ external: { ...good, kid: 'eab_00000000000000000000000000' } }),
      'unauthorized',
    ],
    [
      'a name that is a path',
      (good) => ({ external: { ...good, kid: '../authority-key/issuing' } }),
      'unauthorized',
    ],
    ['a number as name', () => ({ header: { kid: 7 } }), 'malformed'],
    ['another URL', () => ({ header: { url: `${base}/new-order` } }), 'malformed'],
    ['a nonce', () => ({ header: { nonce: 'x' } }), 'malformed'],
    [
      'the account key of somebody else',
      () => ({ jwk: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } }),
      'malformed',
    ],
    ['no key', () => ({ jwk: {} }), 'malformed'],
  ])('bound with %s is refused', async (_, wrong, problem) => {
    const ca = await testCa();
    const good = await createExternalAccount(ca.storage);
    const { external = good, ...more } = wrong(good);
    const answer = await ask(ca, (await generateAccountKey()).key, external, more);
    expect(answer).toMatchObject({ problem });
    expect(answer.text).not.toContain(good.hmacKey);
    await expect(ask(ca, (await generateAccountKey()).key, good)).resolves.toMatchObject({
      status: 201,
    });
  });
  it.each([7, 'x', {}, { protected: 'e30', payload: '', signature: '' }])(
    'bound with %j is refused',
    async (externalAccountBinding) => {
      const ca = await testCa();
      await expect(
        post(
          ca,
          '/new-account',
          { externalAccountBinding },
          { key: (await generateAccountKey()).key },
        ),
      ).resolves.toMatchObject({ status: 400, problem: 'malformed' });
    },
  );
});
