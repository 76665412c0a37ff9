import { describe, expect, it } from '@jest/globals';
import { acmeSession, generateAccountKey, newAccount, newOrder } from './index.ts';
import { base, networkError, problem, scriptedCa, sessionWith } from './scripted-ca.testing.ts';

const ok = { body: { fine: true } };

describe('a session', () => {
  it('takes the nonce of each answer for the next request, and fetches only the first', async () => {
    const { session, ca } = await sessionWith({ '/thing': () => ok });
    for (let n = 0; n < 5; n++) await session.post(`${base}/thing`, {});
    expect(ca.received.map(({ method }) => method)).toEqual([
      'GET',
      'HEAD',
      'POST',
      'POST',
      'POST',
      'POST',
      'POST',
    ]);
  });
  it('fetches as many nonces as requests wait at once, and never one too many', async () => {
    const { session, ca, clock } = await sessionWith({
      '/thing': () => clock.sleep({ seconds: 1 }).then(() => ok),
    });
    const together = () =>
      clock.run(Promise.all(Array.from({ length: 20 }, () => session.post(`${base}/thing`))));
    await clock.run(session.post(`${base}/thing`));
    await together();
    await together();
    expect(ca.count('/nonce')).toBe(1 + 19);
  });
  it('fetches no nonce where the answers that are due bring them soon', async () => {
    const { session, ca } = await sessionWith({ '/thing': () => ok });
    await session.post(`${base}/thing`);
    await Promise.all(Array.from({ length: 20 }, () => session.post(`${base}/thing`)));
    expect([ca.count('/nonce'), ca.count('/thing')]).toEqual([1, 21]);
  });
  it("sends an empty payload as a POST-as-GET, with the account's URL and not its key", async () => {
    const { session, ca } = await sessionWith({ '/thing': () => ok });
    await session.post(`${base}/thing`);
    expect(ca.received.at(-1)).toMatchObject({
      payload: undefined,
      header: { alg: 'ES256', kid: `${base}/account/1` },
    });
  });
  it("replaces a refused nonce by the refusal's own, without asking for another", async () => {
    let refusals = 0;
    const { session, ca } = await sessionWith({
      '/thing': () => (refusals++ < 10 ? problem('badNonce') : ok),
    });
    await session.post(`${base}/thing`, {});
    expect([ca.count('/thing'), ca.count('/nonce')]).toEqual([11, 1]);
  });
  it('gives up after ten refused nonces', async () => {
    const { session, ca } = await sessionWith({ '/thing': () => problem('badNonce') });
    await expect(session.post(`${base}/thing`, {})).rejects.toMatchObject({
      code: 'ERR_ACME_BAD_NONCE',
    });
    expect(ca.count('/thing')).toBe(11);
  });
  it('keeps the nonce of a refusal for the next request', async () => {
    const { session, ca } = await sessionWith({ '/thing': () => problem('malformed') });
    await expect(session.post(`${base}/thing`, {})).rejects.toMatchObject({
      code: 'ERR_ACME_MALFORMED',
    });
    await expect(session.post(`${base}/thing`, {})).rejects.toMatchObject({
      code: 'ERR_ACME_MALFORMED',
    });
    expect(ca.count('/nonce')).toBe(1);
  });
  it('asks for an account before anything is signed by its URL', async () => {
    const { session } = await sessionWith({ '/thing': () => ok }, { account: undefined });
    await expect(session.post(`${base}/thing`)).rejects.toMatchObject({
      code: 'ERR_ACME_NO_ACCOUNT',
    });
    await newAccount(session, { termsOfServiceAgreed: true });
    await expect(session.post(`${base}/thing`)).resolves.toMatchObject({ status: 200 });
  });
  it('says so when the CA gives no nonce', async () => {
    const { session } = await sessionWith({ '/nonce': () => ({ nonce: false }) });
    await expect(session.post(`${base}/thing`)).rejects.toMatchObject({
      code: 'ERR_ACME_NO_NONCE',
    });
  });
  it('reads the directory once, and again after a day', async () => {
    const { session, ca, clock } = await sessionWith({});
    await session.directory();
    await session.directory();
    expect(ca.count('/dir')).toBe(1);
    await clock.advance({ hours: 25 });
    await session.directory();
    expect(ca.count('/dir')).toBe(2);
  });
  it('takes https alone for a CA, and http on loopback', async () => {
    const { key } = await generateAccountKey();
    expect(() => acmeSession({ directory: 'http://ca.example/dir', key })).toThrow(
      expect.objectContaining({ code: 'ERR_ACME_URL' }),
    );
    expect(() => acmeSession({ directory: 'ca.example', key })).toThrow('use the URL');
    expect(() => acmeSession({ directory: 'http://127.0.0.1:14000/dir', key })).not.toThrow();
  });
});

describe('a lost answer', () => {
  it('is asked for again where that is safe, with growing pauses and each time a new nonce', async () => {
    let calls = 0;
    const { session, ca, clock } = await sessionWith({
      '/thing': () => (++calls < 4 ? networkError('ECONNRESET') : ok),
    });
    await clock.run(session.post(`${base}/thing`));
    expect(ca.count('/thing')).toBe(4);
    expect(clock.monotonic()).toBe(250 + 500 + 1000);
  });
  it('is not asked for again where there would be two', async () => {
    const { session, ca, clock } = await sessionWith({
      '/order': () => networkError('ECONNRESET'),
    });
    await expect(
      clock.run(newOrder(session, { identifiers: [{ type: 'dns', value: 'a.test' }] })),
    ).rejects.toMatchObject({ code: 'ERR_ACME_ANSWER_LOST' });
    expect(ca.count('/order')).toBe(1);
  });
  it('ends in an error after four attempts', async () => {
    const { session, ca, clock } = await sessionWith({
      '/thing': () => networkError('ECONNRESET'),
    });
    await expect(clock.run(session.post(`${base}/thing`))).rejects.toMatchObject({
      code: 'ERR_ACME_ANSWER_LOST',
    });
    expect(ca.count('/thing')).toBe(4);
  });
});

describe('a request that was never taken up', () => {
  it('is sent again, whatever it is: nothing has happened yet', async () => {
    let calls = 0;
    const { session, clock } = await sessionWith({
      '/thing': () => (++calls < 3 ? networkError('ECONNREFUSED') : ok),
    });
    await expect(clock.run(session.post(`${base}/thing`, { make: 'one' }))).resolves.toMatchObject({
      status: 200,
    });
  });
  it.each([
    [
      'was not connected',
      'error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)',
      'ERR_ACME_UNREACHABLE',
    ],
    [
      'trusts no certificate of the CA',
      'error sending request: client error (Connect): invalid peer certificate: UnknownIssuer',
      'ERR_ACME_TLS',
    ],
  ])(
    'is distinguished from a lost answer also where the runtime has words alone, as Deno: it %s',
    async (_, words, code) => {
      const { session, clock } = await sessionWith({
        '/thing': () => Object.assign(new TypeError('fetch failed'), { cause: new Error(words) }),
      });
      await expect(clock.run(session.post(`${base}/thing`))).rejects.toMatchObject({ code });
    },
  );
  it('waits out a 503 exactly as long as the CA asks', async () => {
    let calls = 0;
    const { session, clock } = await sessionWith({
      '/thing': () => (++calls === 1 ? { status: 503, headers: { 'retry-after': '17' } } : ok),
    });
    await clock.run(session.post(`${base}/thing`, { make: 'one' }));
    expect(clock.monotonic()).toBe(17_000);
  });
  it('says when to come back rather than wait for an hour', async () => {
    const { session, clock } = await sessionWith({
      '/thing': () => ({
        ...problem('rateLimited'),
        status: 503,
        headers: {
          'content-type': 'application/problem+json',
          'retry-after': 'Mon, 23 Nov 2026 13:00:00 GMT',
        },
      }),
    });
    const error: unknown = await clock
      .run(session.post(`${base}/thing`))
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'ERR_ACME_RATE_LIMITED', status: 503 });
    expect(String((error as { retryAfter: unknown }).retryAfter)).toBe('2026-11-23T13:00:00Z');
    expect(clock.monotonic()).toBe(0);
  });
  it('is not sent again after a 500, which may have done its work', async () => {
    const { session, ca, clock } = await sessionWith({
      '/thing': () => ({ ...problem('serverInternal'), status: 500 }),
    });
    await expect(clock.run(session.post(`${base}/thing`, { make: 'one' }))).rejects.toMatchObject({
      code: 'ERR_ACME_SERVER_INTERNAL',
    });
    expect(ca.count('/thing')).toBe(1);
  });
  it("is not tried twice when the CA's certificate is not trusted", async () => {
    const { session, ca, clock } = await sessionWith({
      '/dir': () => networkError('SELF_SIGNED_CERT_IN_CHAIN'),
    });
    await expect(clock.run(session.directory())).rejects.toMatchObject({
      code: 'ERR_ACME_TLS',
      message: expect.stringContaining('root certificate'),
    });
    expect(ca.count('/dir')).toBe(1);
  });
});

describe('a time limit', () => {
  it('ends a request that the CA never answers', async () => {
    const { session, clock } = await sessionWith({
      '/thing': () => clock.sleep({ hours: 1 }).then(() => ok),
    });
    const started = clock.monotonic();
    await expect(clock.run(session.post(`${base}/thing`, { make: 'one' }))).rejects.toMatchObject({
      code: 'ERR_ACME_TIMEOUT',
    });
    expect(clock.monotonic() - started).toBe(30_000);
  });
  it("passes the caller's abort on with its own reason, in a pause too", async () => {
    const { session, clock } = await sessionWith({ '/thing': () => networkError('ECONNRESET') });
    const stop = new AbortController();
    const post = expect(
      session.post(`${base}/thing`, undefined, { signal: stop.signal }),
    ).rejects.toThrow('ctrl-c');
    await clock.advance('PT0.1S');
    stop.abort(new Error('ctrl-c'));
    await post;
    expect(clock.sleepers).toBe(0);
  });
});

describe('a stand-in that checks', () => {
  it('refuses a nonce that was used before', async () => {
    const ca = scriptedCa({ '/thing': () => ok });
    const bodies: string[] = [];
    const { key } = await generateAccountKey();
    const session = acmeSession({
      directory: `${base}/dir`,
      key,
      account: `${base}/account/1`,
      fetch: (url, request) => {
        if (request.body) bodies.push(request.body);
        return ca.fetch(url, request);
      },
    });
    await session.post(`${base}/thing`);
    await expect(
      ca.fetch(`${base}/thing`, {
        method: 'POST',
        body: bodies[0]!,
        headers: { 'content-type': 'application/jose+json' },
        redirect: 'manual',
        signal: new AbortController().signal,
      }),
    ).rejects.toThrow('nonce');
  });
});
