import { generateAccountKey } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { base, post, postAs, raw, testCa } from './ca.testing.ts';

describe('newAccount', () => {
  it('makes an account, and finds it again with the same key', async () => {
    const ca = await testCa();
    const { key } = await generateAccountKey();
    const made = await post(
      ca,
      '/new-account',
      { contact: ['mailto:admin@example.com'], termsOfServiceAgreed: true },
      { key },
    );
    expect(made).toMatchObject({
      status: 201,
      json: {
        status: 'valid',
        contact: ['mailto:admin@example.com'],
        termsOfServiceAgreed: true,
        orders: expect.stringMatching(/\/orders$/),
      },
    });
    const existing = await post(
      ca,
      '/new-account',
      { contact: ['mailto:other@example.com'] },
      { key },
    );
    expect(existing).toMatchObject({ status: 200, json: made.json });
    expect(existing.headers.get('location')).toBe(made.headers.get('location'));
    expect(existing.headers.get('location')).toMatch(
      new RegExp(`^${base}/account/acc_[0-9a-z]{26}$`),
    );
  });
  it('asked for 20 times at once with one key makes one account', async () => {
    const ca = await testCa();
    const { key } = await generateAccountKey();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(ca, '/new-account', {}, { key })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
    expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1);
  });
  it('makes none where only an existing one is asked for', async () => {
    const ca = await testCa();
    const { key } = await generateAccountKey();
    for (let n = 0; n < 2; n++)
      await expect(
        post(ca, '/new-account', { onlyReturnExisting: true }, { key }),
      ).resolves.toMatchObject({ status: 400, problem: 'accountDoesNotExist' });
  });
  it('wants the terms of service agreed to, where there are some', async () => {
    const ca = await testCa({ termsOfService: 'https://ca.test/terms' });
    const { key } = await generateAccountKey();
    for (const agreed of [undefined, false, 'true', 1]) {
      const refused = await post(ca, '/new-account', { termsOfServiceAgreed: agreed }, { key });
      expect(refused).toMatchObject({
        status: 403,
        problem: 'userActionRequired',
        json: { instance: 'https://ca.test/terms' },
      });
      expect(refused.headers.get('link')).toContain(
        '<https://ca.test/terms>;rel="terms-of-service"',
      );
    }
    await expect(
      post(ca, '/new-account', { termsOfServiceAgreed: true }, { key }),
    ).resolves.toMatchObject({ status: 201 });
  });
  it.each<[string, unknown, string]>([
    ['a telephone', ['tel:+123'], 'unsupportedContact'],
    ['a web page', ['https://example.com'], 'unsupportedContact'],
    ['hfields', ['mailto:a@example.com?subject=x'], 'invalidContact'],
    ['two addresses in one', ['mailto:a@example.com,b@example.com'], 'invalidContact'],
    ['no address', ['mailto:admin'], 'invalidContact'],
    ['a line break', ['mailto:a@example.com\r\nbcc: x@example.com'], 'invalidContact'],
    [
      'eleven of them',
      Array.from({ length: 11 }, (_, n) => `mailto:a${n}@example.com`),
      'invalidContact',
    ],
    ['a text', 'mailto:a@example.com', 'malformed'],
    ['a number in the list', [7], 'malformed'],
  ])('refuses %s as contact', async (_, contact, problem) => {
    const ca = await testCa();
    await expect(
      post(ca, '/new-account', { contact }, { key: (await generateAccountKey()).key }),
    ).resolves.toMatchObject({ status: 400, problem });
  });
});

describe('an account', () => {
  it("is read, gets other contacts, and ignores what is not its client's to set", async () => {
    const ca = await testCa();
    const account = await ca.account({ contact: ['mailto:a@example.com'] });
    await expect(
      postAs(ca, account, account.url, {
        contact: ['mailto:b@example.com'],
        orders: 'x',
        termsOfServiceAgreed: true,
        key: {},
      }),
    ).resolves.toMatchObject({ status: 200, json: { contact: ['mailto:b@example.com'] } });
    await expect(postAs(ca, account, account.url, {})).resolves.toMatchObject({
      json: { contact: ['mailto:b@example.com'] },
    });
    await expect(postAs(ca, account, account.url, { contact: [] })).resolves.toMatchObject({
      json: { contact: [] },
    });
    await expect(postAs(ca, account, account.url)).resolves.toMatchObject({
      json: { status: 'valid', contact: [] },
    });
  });
  it.each(['valid', 'revoked', 7])(
    'ignores the status %s beside a contact (C34)',
    async (status) => {
      const ca = await testCa();
      const account = await ca.account();
      const contact = ['mailto:b@example.com'];
      await expect(postAs(ca, account, account.url, { status, contact })).resolves.toMatchObject({
        status: 200,
        json: { status: 'valid', contact },
      });
    },
  );
  it('that is deactivated can no longer sign, and its key makes no other', async () => {
    const ca = await testCa();
    const account = await ca.account();
    await expect(
      postAs(ca, account, account.url, { status: 'deactivated' }),
    ).resolves.toMatchObject({ status: 200, json: { status: 'deactivated' } });
    await expect(postAs(ca, account, account.url)).resolves.toMatchObject({
      status: 401,
      problem: 'unauthorized',
    });
    await expect(
      postAs(ca, account, '/new-order', { identifiers: [{ type: 'dns', value: 'a.test' }] }),
    ).resolves.toMatchObject({ status: 401, problem: 'unauthorized' });
    await expect(post(ca, '/new-account', {}, { key: account.key })).resolves.toMatchObject({
      status: 403,
      problem: 'unauthorized',
    });
  });
  it('cannot be read or changed by another', async () => {
    const ca = await testCa();
    const [mine, theirs] = [await ca.account(), await ca.account()];
    await expect(postAs(ca, theirs, mine.url)).resolves.toMatchObject({
      status: 403,
      problem: 'unauthorized',
    });
    await expect(postAs(ca, theirs, mine.url, { status: 'deactivated' })).resolves.toMatchObject({
      problem: 'unauthorized',
    });
    await expect(postAs(ca, theirs, `${mine.url}/orders`)).resolves.toMatchObject({
      problem: 'unauthorized',
    });
    await expect(postAs(ca, mine, mine.url)).resolves.toMatchObject({ json: { status: 'valid' } });
  });
});

describe('the directory', () => {
  it('says where everything is, and what the CA wants said', async () => {
    const ca = await testCa({
      website: 'https://ca.test/',
      caaIdentities: ['ca.test'],
      termsOfService: 'https://ca.test/terms',
      externalAccountRequired: true,
      profiles: {
        usual: { description: 'For servers' },
        short: { description: 'For a day', validity: { hours: 24 } },
      },
    });
    const answer = await raw(ca, '/directory');
    expect(answer).toMatchObject({
      status: 200,
      json: {
        newNonce: `${base}/new-nonce`,
        newAccount: `${base}/new-account`,
        newOrder: `${base}/new-order`,
        newAuthz: `${base}/new-authz`,
        revokeCert: `${base}/revoke-cert`,
        keyChange: `${base}/key-change`,
        renewalInfo: `${base}/renewal-info`,
        meta: {
          website: 'https://ca.test/',
          caaIdentities: ['ca.test'],
          termsOfService: 'https://ca.test/terms',
          externalAccountRequired: true,
          profiles: { usual: 'For servers', short: 'For a day' },
        },
      },
    });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('link')).toBeNull();
  });
  it('may be used for an hour, and is confirmed to a client that has it', async () => {
    const ca = await testCa();
    const { headers } = await raw(ca, '/directory');
    expect(headers.get('cache-control')).toBe('max-age=3600');
    const etag = headers.get('etag') ?? '';
    const asked = async (tags: string, from = ca) =>
      await raw(from, '/directory', { headers: { 'if-none-match': tags } });
    for (const tags of [etag, `"x", W/${etag}`, '*'])
      await expect(asked(tags)).resolves.toMatchObject({ status: 304, text: '' });
    await expect(asked('"x"')).resolves.toMatchObject({ status: 200 });
    const changed = await testCa({ website: 'https://ca.test/' });
    await expect(asked(etag, changed)).resolves.toMatchObject({ status: 200 });
  });
  it.each(['ca.test', 'ftp://ca.test', 'https://ca.test/?x', 'https://user@ca.test/', ''])(
    'cannot be at %s',
    async (url) => {
      await expect(testCa({ url })).rejects.toMatchObject({ code: 'ERR_CA_URL' });
    },
  );
});
