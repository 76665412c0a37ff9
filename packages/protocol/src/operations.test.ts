import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { flattenedVerify, importJWK, type JWK } from 'jose';
import {
  changeKey,
  deactivateAccount,
  deactivateAuthorization,
  generateAccountKey,
  getAccount,
  getRenewalInfo,
  listOrders,
  newAccount,
  newAuthorization,
  newOrder,
  revokeCertificate,
  updateAccount,
} from './index.ts';
import { type Answer, base, problem, type Received, sessionWith } from './scripted-ca.testing.ts';

const directory = (more: object): Answer => ({
  body: {
    newNonce: `${base}/nonce`,
    newAccount: `${base}/account`,
    newOrder: `${base}/order`,
    ...more,
  },
  nonce: false,
});
const decoded = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString());
const account: Answer = {
  status: 201,
  headers: { location: `${base}/account/1` },
  body: { status: 'valid', contact: ['mailto:a@a.test'], orders: `${base}/orders` },
};
const order: Answer = {
  status: 201,
  headers: { location: `${base}/order/1` },
  body: { status: 'pending', identifiers: [], authorizations: [], finalize: `${base}/finalize` },
};
const authorization: Answer = {
  status: 201,
  headers: { location: `${base}/authorization/1` },
  body: {
    status: 'pending',
    identifier: { type: 'dns', value: 'a.test' },
    challenges: [],
    subdomainAuthAllowed: true,
  },
};

describe('an account', () => {
  it.each(['HS256', 'HS384', 'HS512'] as const)(
    'is bound to an external one with %s',
    async (algorithm) => {
      const secret = Buffer.from('0123456789abcdef0123456789abcdef');
      const { session, ca } = await sessionWith({ '/account': () => account });
      await newAccount(session, {
        externalAccount: { kid: 'kid-1', hmacKey: secret.toString('base64url'), algorithm },
      });
      const { externalAccountBinding: jws } = ca.received.at(-1)?.payload as {
        externalAccountBinding: { protected: string; payload: string; signature: string };
      };
      expect(decoded(jws.protected)).toEqual({
        alg: algorithm,
        kid: 'kid-1',
        url: `${base}/account`,
      });
      expect(decoded(jws.payload)).toEqual(session.key.jwk);
      expect(jws.signature).toBe(
        createHmac(algorithm.replace('HS', 'sha'), secret)
          .update(`${jws.protected}.${jws.payload}`)
          .digest('base64url'),
      );
    },
  );
  it('takes an HMAC key in base64 too, and none that is cut short or no base64 at all', async () => {
    const { session } = await sessionWith({ '/account': () => account });
    await newAccount(session, {
      externalAccount: { kid: 'k', hmacKey: '+/+/+/+/+/+/+/+/+/+/+/+/+/8=' },
    });
    await expect(
      newAccount(session, { externalAccount: { kid: 'k', hmacKey: 'AAAA' } }),
    ).rejects.toMatchObject({ code: 'ERR_ACME_KEY' });
    await expect(
      newAccount(session, { externalAccount: { kid: 'k', hmacKey: '***' } }),
    ).rejects.toMatchObject({ code: 'ERR_ACME_KEY' });
  });
  it('is looked for without being made', async () => {
    const { session, ca } = await sessionWith({ '/account': () => problem('accountDoesNotExist') });
    await expect(newAccount(session, { onlyReturnExisting: true })).rejects.toMatchObject({
      code: 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
    });
    expect(ca.received.at(-1)?.payload).toEqual({ onlyReturnExisting: true });
  });
  it('is read, changed and given up', async () => {
    const { session, ca } = await sessionWith({
      '/account/1': ({ payload }) => ({ body: { status: 'valid', ...(payload as object) } }),
    });
    await expect(getAccount(session)).resolves.toMatchObject({
      status: 'valid',
      url: `${base}/account/1`,
    });
    await expect(updateAccount(session, { contact: ['mailto:b@a.test'] })).resolves.toMatchObject({
      contact: ['mailto:b@a.test'],
    });
    await expect(deactivateAccount(session)).resolves.toMatchObject({ status: 'deactivated' });
    expect(
      ca.received.filter(({ method }) => method === 'POST').map(({ payload }) => payload),
    ).toEqual([undefined, { contact: ['mailto:b@a.test'] }, { status: 'deactivated' }]);
  });
  it('gets a new key by a JWS of the new one inside a JWS of the old one', async () => {
    const { session, ca } = await sessionWith({
      '/dir': () => directory({ keyChange: `${base}/key-change` }),
      '/key-change': () => ({}),
    });
    const { key } = await generateAccountKey('ES384');
    await changeKey(session, key);
    const inner = ca.received.at(-1)?.payload as {
      protected: string;
      payload: string;
      signature: string;
    };
    const { protectedHeader, payload } = await flattenedVerify(
      inner,
      await importJWK({ ...key.jwk }, 'ES384'),
    );
    expect(protectedHeader).toEqual({ alg: 'ES384', jwk: key.jwk, url: `${base}/key-change` });
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({
      account: `${base}/account/1`,
      oldKey: session.key.jwk,
    });
    expect(ca.received.at(-1)?.header.kid).toBe(`${base}/account/1`);
  });
  it('lists its orders over all pages, and ends where pages go round in a circle', async () => {
    const page = (orders: string[], next: string): Answer => ({
      headers: { link: `<${base}/dir>;rel="index", <${base}/${next}>;rel="next"` },
      body: { orders },
    });
    const { session } = await sessionWith({
      '/orders': () => page([`${base}/order/1`, `${base}/order/2`], 'orders-2'),
      '/orders-2': () => page([`${base}/order/3`], 'orders'),
    });
    const all: string[] = [];
    for await (const orderUrl of listOrders(session, { orders: `${base}/orders` }))
      all.push(orderUrl);
    expect(all).toEqual([1, 2, 3].map((n) => `${base}/order/${n}`));
  });
});

describe('an order', () => {
  it('carries profile, predecessor and wished validity', async () => {
    const { session, ca } = await sessionWith({ '/order': () => order });
    await newOrder(session, {
      identifiers: [{ type: 'ip', value: '2001:db8::1' }],
      profile: 'shortlived',
      replaces: 'aki.serial',
      notAfter: '2027-01-01T01:00:00+01:00',
    });
    expect(ca.received.at(-1)?.payload).toEqual({
      identifiers: [{ type: 'ip', value: '2001:db8::1' }],
      profile: 'shortlived',
      replaces: 'aki.serial',
      notAfter: '2027-01-01T00:00:00Z',
    });
  });
  it('says which domain above shall serve for a name', async () => {
    const { session, ca } = await sessionWith({ '/order': () => order });
    await newOrder(session, {
      identifiers: [{ type: 'dns', value: 'b.a.test', ancestorDomain: 'a.test' }],
    });
    expect(ca.received.at(-1)?.payload).toEqual({
      identifiers: [{ type: 'dns', value: 'b.a.test', ancestorDomain: 'a.test' }],
    });
  });
});

describe('an authorization', () => {
  it('is asked for before there is an order, for the names below too', async () => {
    const { session, ca } = await sessionWith({
      '/dir': () =>
        directory({ newAuthz: `${base}/new-authz`, meta: { subdomainAuthAllowed: true } }),
      '/new-authz': () => authorization,
    });
    expect((await session.directory()).meta.subdomainAuthAllowed).toBe(true);
    await expect(
      newAuthorization(session, {
        identifier: { type: 'dns', value: 'a.test' },
        subdomainAuthAllowed: true,
      }),
    ).resolves.toMatchObject({ url: `${base}/authorization/1`, subdomainAuthAllowed: true });
    expect(ca.received.at(-1)?.payload).toEqual({
      identifier: { type: 'dns', value: 'a.test' },
      subdomainAuthAllowed: true,
    });
  });
  it('is given up', async () => {
    const { session, ca } = await sessionWith({
      '/authorization/1': () => ({
        body: { ...(authorization.body as object), status: 'deactivated' },
      }),
    });
    await expect(
      deactivateAuthorization(session, `${base}/authorization/1`),
    ).resolves.toMatchObject({ status: 'deactivated' });
    expect(ca.received.at(-1)?.payload).toEqual({ status: 'deactivated' });
  });
});

describe('a revocation', () => {
  const certificate = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01]);
  const revoking = async (
    answer: Answer,
    key?: Awaited<ReturnType<typeof generateAccountKey>>['key'],
  ) => {
    const made = await sessionWith({
      '/dir': () => directory({ revokeCert: `${base}/revoke` }),
      '/revoke': () => answer,
    });
    await revokeCertificate(made.session, certificate, {
      reason: 'keyCompromise',
      ...(key ? { key } : {}),
    });
    return made.ca.received.at(-1) as Received;
  };
  it('is signed by the account, and gives the reason as a number', async () => {
    const { payload, header } = await revoking({});
    expect(payload).toEqual({ certificate: 'MAMCAQE', reason: 1 });
    expect(header.kid).toBe(`${base}/account/1`);
  });
  it("is signed by the certificate's own key where that is given", async () => {
    const { key } = await generateAccountKey('RS256');
    const { header } = await revoking({}, key);
    expect(header).toMatchObject({ alg: 'RS256', jwk: key.jwk as JWK });
    expect(header.kid).toBeUndefined();
  });
  it('succeeds for what is revoked already, and for nothing else', async () => {
    await expect(revoking(problem('alreadyRevoked'))).resolves.toBeDefined();
    await expect(revoking(problem('badRevocationReason'))).rejects.toMatchObject({
      code: 'ERR_ACME_BAD_REVOCATION_REASON',
    });
  });
});

describe('renewal information', () => {
  const asking = async (answer: Answer) => {
    const { session, ca } = await sessionWith({
      '/dir': () => directory({ renewalInfo: `${base}/ari/` }),
      '/ari/aki.serial': () => answer,
    });
    const info = await getRenewalInfo(session, 'aki.serial');
    return { info, last: ca.received.at(-1) };
  };
  const suggestedWindow = { start: '2026-12-01T00:00:00Z', end: '2026-12-02T00:00:00Z' };
  it('is asked for without a signature, and says when to ask again', async () => {
    const { info, last } = await asking({
      headers: { 'retry-after': '3600' },
      body: { suggestedWindow, explanationURL: 'https://ca.test/incident' },
    });
    expect(info).toEqual({
      suggestedWindow,
      explanationURL: 'https://ca.test/incident',
      retryAfter: '2026-11-23T13:00:00Z',
    });
    expect(last?.method).toBe('GET');
  });
  it('is asked for again after six hours where the CA does not say', async () => {
    expect((await asking({ body: { suggestedWindow } })).info.retryAfter).toBe(
      '2026-11-23T18:00:00Z',
    );
  });
  it.each([
    [{}],
    [{ start: suggestedWindow.start }],
    [{ start: 'soon', end: 'later' }],
    [{ start: suggestedWindow.end, end: suggestedWindow.start }],
  ])('with the window %j is refused', async (window) => {
    await expect(asking({ body: { suggestedWindow: window } })).rejects.toMatchObject({
      code: 'ERR_ACME_ANSWER',
    });
  });
});

describe('what a CA does not offer', () => {
  it('is an error of its own', async () => {
    const { session } = await sessionWith({ '/dir': () => directory({}) });
    const { key } = await generateAccountKey();
    const calls = [
      () => changeKey(session, key),
      () => revokeCertificate(session, new Uint8Array()),
      () => getRenewalInfo(session, 'x'),
      () => newAuthorization(session, { identifier: { type: 'dns', value: 'a.test' } }),
      () => listOrders(session, {}).next(),
    ];
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({ code: 'ERR_ACME_UNSUPPORTED' });
  });
});

describe('a rate limit', () => {
  const limited = async (detail: string, headers: Record<string, string> = {}) => {
    const { session } = await sessionWith({
      '/order': () => ({
        ...problem('rateLimited', detail),
        status: 429,
        headers: { 'content-type': 'application/problem+json', ...headers },
      }),
    });
    return await newOrder(session, { identifiers: [] }).catch(
      (error: unknown) =>
        error as { code: string; retryAfter?: object; help?: string; message: string },
    );
  };
  it('says when to come back and where to read on, from the headers', async () => {
    const error = await limited('too many', {
      'retry-after': '60',
      link: '<https://ca.test/limits>;rel="help"',
    });
    expect(error).toMatchObject({
      code: 'ERR_ACME_RATE_LIMITED',
      help: 'https://ca.test/limits',
      message:
        'rateLimited: too many; see https://ca.test/limits (come back at 2026-11-23T12:01:00Z)',
    });
  });
  it("says so from the words of Let's Encrypt too", async () => {
    const error = await limited(
      'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-11-24 01:02:03 UTC: see https://letsencrypt.org/docs/rate-limits/#new-certificates',
    );
    expect(String((error as { retryAfter?: object }).retryAfter)).toBe('2026-11-24T01:02:03Z');
    expect(error).toMatchObject({
      help: 'https://letsencrypt.org/docs/rate-limits/#new-certificates',
    });
  });
  it('of a paused name leads to the page that lifts it', async () => {
    const error = await limited(
      'Your account is temporarily prevented from requesting certificates for a.test. Please visit: https://portal.test/unpause?jwt=abc.def',
    );
    expect(error).toMatchObject({
      code: 'ERR_ACME_RATE_LIMITED',
      help: 'https://portal.test/unpause?jwt=abc.def',
      retryAfter: undefined,
    });
  });
});
