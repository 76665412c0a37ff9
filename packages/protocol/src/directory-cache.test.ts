import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import {
  type AcmeSession,
  acmeSession,
  changeKey,
  type DirectoryCache,
  generateAccountKey,
  getRenewalInfo,
  memoryDirectories,
  newAccount,
  newOrder,
} from './index.ts';
import {
  type Answer,
  base,
  networkError,
  problem,
  type Received,
  scriptedCa,
} from './scripted-ca.testing.ts';

const directoryUrl = `${base}/dir`;
const urls = {
  newNonce: `${base}/nonce`,
  newAccount: `${base}/account`,
  newOrder: `${base}/order`,
  keyChange: `${base}/key-change`,
  renewalInfo: `${base}/renewal`,
};
const order = {
  status: 201,
  headers: { location: `${base}/order/1` },
  body: { status: 'ready', identifiers: [], authorizations: [], finalize: `${base}/finalize` },
};
const { key } = await generateAccountKey();
const { key: newKey } = await generateAccountKey();

type Script = Readonly<Record<string, (request: Received) => Answer | Error>>;

/** A CA whose directory has an entity tag, and sessions that share a cache. */
function world(script: Script = {}) {
  const clock = virtualClock({ now: '2026-11-23T12:00:00Z' });
  const cache = memoryDirectories();
  const statuses: number[] = [];
  const tags: (string | undefined)[] = [];
  const now = { urls: urls as object, headers: { etag: '"1"' } as Record<string, string> };
  const ca = scriptedCa({
    '/dir': () => ({ nonce: false, headers: now.headers, body: now.urls }),
    '/order': () => order,
    ...script,
  });
  const open = (directories: DirectoryCache | undefined = cache) =>
    acmeSession({
      ...{ directory: directoryUrl, key, account: `${base}/account/1`, clock, directories },
      random: () => 0.5,
      async fetch(url, request) {
        const isCurrent =
          url === directoryUrl &&
          request.headers['if-none-match'] !== undefined &&
          request.headers['if-none-match'] === now.headers['etag'];
        const answer = await ca.fetch(url, request);
        if (url === directoryUrl) {
          statuses.push(isCurrent ? 304 : answer.status);
          tags.push(request.headers['if-none-match']);
        }
        return isCurrent ? new Response(null, { status: 304, headers: now.headers }) : answer;
      },
    });
  return { clock, cache, ca, now, open, statuses, tags };
}

const ordered = async (session: ReturnType<ReturnType<typeof world>['open']>) =>
  await newOrder(session, { identifiers: [{ type: 'dns', value: 'a.test' }] });

describe('a cache of directories', () => {
  it('spares a new session the request for the directory, and needs one nonce as before', async () => {
    const { ca, open } = world();
    await open().directory();
    await ordered(open());
    expect(ca.received.map(({ method, url }) => `${method} ${url.slice(base.length)}`)).toEqual([
      'GET /dir',
      'HEAD /nonce',
      'POST /order',
    ]);
  });

  it('is asked by entity tag after a day, and is fresh again when the CA confirms it', async () => {
    const { clock, open, statuses } = world();
    await open().directory();
    await clock.advance({ hours: 23 });
    await open().directory();
    expect(statuses).toEqual([200]);
    await clock.advance({ hours: 2 });
    await expect(open().directory()).resolves.toMatchObject(urls);
    await open().directory();
    expect(statuses).toEqual([200, 304]);
  });

  it('is not used for longer than a day by a session either', async () => {
    const { clock, open, statuses } = world();
    await open().directory();
    await clock.advance({ hours: 20 });
    const session = open();
    await session.directory();
    await clock.advance({ hours: 5 });
    await session.directory();
    expect(statuses).toEqual([200, 304]);
  });

  it.each([
    ['max-age=60', 59, [200]],
    ['max-age=60', 61, [200, 304]],
    ['public, max-age=0, no-cache', 0, [200, 304]],
    ['no-cache', 1, [200, 304]],
    ['max-age=60, no-cache="set-cookie"', 1, [200, 304]],
    ['no-store', 0, [200, 200]],
    ['max-age=999999999', 86_399, [200]],
    ['max-age=999999999', 86_401, [200, 304]],
  ])('follows "Cache-Control: %s" after %s seconds', async (control, seconds, expected) => {
    const { clock, now, open, statuses } = world();
    now.headers['cache-control'] = control;
    await open().directory();
    await clock.advance({ seconds });
    await open().directory();
    expect(statuses).toEqual(expected);
  });

  it.each([
    ['an age', { 'cache-control': 'max-age=100', age: '50' }, 49],
    ['a date of expiry', { expires: 'Mon, 23 Nov 2026 12:10:00 GMT' }, 599],
    ['a date of expiry that is not valid', { expires: 'never' }, -1],
  ])('counts %s', async (_, headers, seconds) => {
    const { clock, now, open, statuses } = world();
    Object.assign(now.headers, headers);
    await open().directory();
    await clock.advance({ seconds: Math.max(0, seconds) });
    await open().directory();
    expect(statuses).toEqual(seconds < 0 ? [200, 304] : [200]);
    await clock.advance({ seconds: 2 });
    await open().directory();
    expect(statuses.slice(0, 2)).toEqual([200, 304]);
  });

  it.each([
    ['is not JSON', 'not JSON'],
    ['lacks a URL', JSON.stringify({ newNonce: `${base}/nonce` })],
    ['has a URL that is not https', JSON.stringify({ ...urls, newOrder: 'http://ca.test/order' })],
    ['has a URL of this machine', JSON.stringify({ ...urls, newOrder: 'https://127.0.0.1/order' })],
  ])('does not count where what is stored %s', async (_, text) => {
    const { cache, open, statuses } = world();
    const stored = { text, etag: '"1"', freshUntil: '2026-11-23T13:00:00Z' };
    await cache.put(directoryUrl, stored);
    await ordered(open());
    expect(statuses).toEqual([200]);
    expect((await cache.get(directoryUrl))?.text).toBe(JSON.stringify(urls));
  });

  it.each(['2027-01-01T00:00:00Z', 'tomorrow'])(
    'asks the CA where what is stored is fresh until %s',
    async (freshUntil) => {
      const { cache, open, statuses } = world();
      await cache.put(directoryUrl, { text: JSON.stringify(urls), etag: '"1"', freshUntil });
      await open().directory();
      expect(statuses).toEqual([304]);
    },
  );

  it('sends no entity tag that is not valid', async () => {
    const { cache, open, tags } = world();
    const stored = { text: JSON.stringify(urls), freshUntil: '2026-11-23T11:00:00Z' };
    for (const etag of ['"1"\r\nx: y', '1', '"1"', 'W/"1"']) {
      await cache.put(directoryUrl, { ...stored, etag });
      await open().directory();
    }
    expect(tags).toEqual([undefined, undefined, '"1"', 'W/"1"']);
  });

  it.each<[string, (session: AcmeSession) => Promise<unknown>]>([
    ['an account, which depends on the terms of now', async (session) => await newAccount(session)],
    ['a new key, which signs the URL', async (session) => await changeKey(session, newKey)],
  ])('does not count for %s', async (_, send) => {
    const { open, statuses } = world({ '/key-change': () => ({}) });
    await open().directory();
    const session = open();
    await session.directory();
    expect(statuses).toEqual([200]);
    await send(session);
    expect(statuses).toEqual([200, 200]);
    await session.directory({ fromCa: true });
    expect(statuses).toEqual([200, 200]);
  });

  it('has the last hundred directories, and none that is very long', async () => {
    const cache = memoryDirectories();
    const stored = { text: '{}', freshUntil: '2026-11-23T12:00:00Z' };
    for (let n = 0; n <= 100; n++) await cache.put(`${base}/${n}`, stored);
    expect([await cache.get(`${base}/0`), await cache.get(`${base}/1`)]).toEqual([
      undefined,
      stored,
    ]);
    const { now, open, cache: empty } = world();
    now.urls = { ...urls, meta: { website: 'x'.repeat(70_000) } };
    await open().directory();
    expect(await empty.get(directoryUrl)).toBeUndefined();
  });
});

describe('a directory from the cache that is out of date', () => {
  const old = (name: keyof typeof urls) => ({ ...urls, [name]: `${base}/old` });

  it.each<[string, keyof typeof urls, Answer | Error, number]>([
    ['404', 'newOrder', { ...problem('malformed'), status: 404 }, 1],
    ['a page of another server', 'newOrder', { body: '<html>' }, 1],
    ['403 without a problem document', 'newOrder', { status: 403, body: '<html>' }, 1],
    ['a redirect', 'newOrder', { status: 302, headers: { location: `${base}/x` } }, 1],
    ['no connection', 'newOrder', networkError('ECONNREFUSED'), 4],
    ['another certificate', 'newOrder', networkError('CERT_HAS_EXPIRED'), 1],
    ['no nonce', 'newNonce', { nonce: false }, 1],
  ])('is read again after %s, and the request is sent again', async (_, name, answer, tries) => {
    const { ca, clock, cache, open, now, statuses } = world({ '/old': () => answer });
    now.urls = old(name);
    await open().directory();
    now.urls = urls;
    await expect(clock.run(ordered(open()))).resolves.toMatchObject({ status: 'ready' });
    expect([statuses, ca.count('/old'), ca.count('/order')]).toEqual([[200, 200], tries, 1]);
    expect((await cache.get(directoryUrl))?.text).toBe(JSON.stringify(urls));
  });

  it('is read again once, and the failure is that of the CA where its URLs are the same', async () => {
    const { open, statuses, ca } = world({ '/order': () => ({ status: 404, body: 'no' }) });
    await open().directory();
    const session = open();
    for (let n = 0; n < 3; n++)
      await expect(ordered(session)).rejects.toMatchObject({ code: 'ERR_ACME_STATUS' });
    expect([statuses, ca.count('/order')]).toEqual([[200, 200], 3]);
  });

  it.each([
    ['a refusal', problem('rejectedIdentifier'), 'ERR_ACME_REJECTED_IDENTIFIER'],
    ['refused nonces', problem('badNonce'), 'ERR_ACME_BAD_NONCE'],
    [
      'new terms, which a person must agree to',
      { ...problem('userActionRequired'), status: 403 },
      'ERR_ACME_USER_ACTION_REQUIRED',
    ],
    ['a fault of the CA', { status: 500, body: '<html>' }, 'ERR_ACME_STATUS'],
  ])('is not suspected after %s', async (_, answer, code) => {
    const { open, statuses } = world({ '/order': () => answer });
    await open().directory();
    await expect(ordered(open())).rejects.toMatchObject({ code });
    expect(statuses).toEqual([200]);
  });

  it('is not suspected for a URL that is not of the directory', async () => {
    const { open, statuses } = world({ '/order/1': () => ({ status: 404, body: 'no' }) });
    await open().directory();
    await expect(open().post(`${base}/order/1`)).rejects.toMatchObject({ status: 404 });
    expect(statuses).toEqual([200]);
  });

  it('is read again where a certificate has no renewal information there', async () => {
    const window = { start: '2026-12-01T00:00:00Z', end: '2026-12-02T00:00:00Z' };
    const { open, now } = world({
      '/old/aa.bb': () => ({ status: 404, body: 'no' }),
      '/renewal/aa.bb': () => ({ body: { suggestedWindow: window } }),
    });
    now.urls = old('renewalInfo');
    await open().directory();
    now.urls = urls;
    await expect(getRenewalInfo(open(), 'aa.bb')).resolves.toMatchObject({
      suggestedWindow: window,
    });
  });

  it('is read again before a URL is refused whose host it does not name', async () => {
    const moved = 'https://new.test';
    const { open, now, statuses } = world({ '/thing': () => ({ body: {} }) });
    await open().directory();
    now.urls = { ...urls, newAuthz: `${moved}/authz` };
    const session = open();
    await expect(session.post(`${moved}/thing`)).resolves.toMatchObject({ status: 200 });
    await expect(session.post('https://elsewhere.test/thing')).rejects.toMatchObject({
      code: 'ERR_ACME_ANSWER',
    });
    expect(statuses).toEqual([200, 200]);
  });
});
