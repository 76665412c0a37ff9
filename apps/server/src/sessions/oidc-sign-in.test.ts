import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { webFetch } from '@acmex/protocol/node';
import { localCertificate, type OpenIdProvider, startOpenIdProvider } from '@acmex/services';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newSecret } from '../access/api-key.ts';
import { type Serving, serving, tenantKey } from '../serving.testing.ts';

const callbackPath = '/api/sign-in/oidc/callback';
const clientSecret = `${newSecret()}+ /:%`;
const base = `
trusted_proxies = ["127.0.0.1"]
[tenants.default]
names = ["*"]
[tenants.one]
names = ["*.one.test"]
[audit]
enabled = true
`;
const person = {
  ...{ sub: 'alice', tenant: 'one', preferred_username: 'Alice <b>' },
  scope: 'certificates:read keys:read keys:write',
};

let server: Serving;
/** Its access tokens are not for the server. */
let provider: OpenIdProvider;
/** Its access tokens are JWTs for the server. */
let resourceProvider: OpenIdProvider;
let adminKey = '';
const settings = ({ issuer }: Pick<OpenIdProvider, 'issuer'>, more = '') => `${base}
[network]
ca_certificates = ["${server.folder}/providers.pem"]
[server.oidc]
issuer = "${issuer}"
audience = "acmex"
client_id = "dashboard"
names_claim = "dns"
${more}`;
const withSecret = `client_secret = ${JSON.stringify(clientSecret)}`;

beforeAll(async () => {
  server = await serving({ toml: base });
  const certificate = await localCertificate();
  const client = {
    certificate,
    clientId: 'dashboard',
    redirectUris: [`${server.url}${callbackPath}`],
  };
  provider = await startOpenIdProvider({ ...client, clientSecret });
  resourceProvider = await startOpenIdProvider({
    ...client,
    resource: { audience: 'acmex', scopes: 'certificates:read orders:read' },
  });
  await writeFile(join(server.folder, 'providers.pem'), certificate.caCertificate);
  await server.reload(settings(provider, withSecret));
  adminKey = await tenantKey(server, 'one');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await resourceProvider[Symbol.asyncDispose]();
});
beforeEach(() => {
  provider.claims = { ...person, dns: ['*.one.test'] };
});

let addresses = 0;
/** A browser without scripts: it follows no redirect by itself, and keeps the cookies of the server. */
class Browser {
  readonly cookies = new Map<string, string>();
  readonly #ofProvider = new Map<string, string>();
  readonly #fetch: typeof fetch;
  readonly #address: string;

  constructor({ caCertificate }: OpenIdProvider) {
    this.#fetch = webFetch({ ca: caCertificate });
    addresses += 1;
    this.#address = `127.9.${addresses}.1`;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}) {
    const cookie = cookieHeader(this.cookies);
    const reply = await server.call('GET', path, {
      key: '',
      headers: {
        'x-forwarded-for': this.#address,
        ...(cookie === '' ? {} : { cookie }),
        ...headers,
      },
    });
    keep(reply.headers, this.cookies);
    return reply;
  }

  /** Goes to the provider and answers there. @returns where the provider leads back to */
  async atProvider(start: string, answer: 'yes' | 'no' = 'yes'): Promise<URL> {
    let [url, init]: [URL, RequestInit] = [new URL(start), {}];
    for (let step = 0; step < 10; step += 1) {
      const response = await this.#fetch(url, {
        ...init,
        redirect: 'manual',
        headers: {
          cookie: cookieHeader(this.#ofProvider),
          'content-type': 'application/x-www-form-urlencoded',
        },
      });
      keep(response.headers, this.#ofProvider);
      const location = response.headers.get('location');
      if (location === null && init.method === 'POST')
        throw new Error(`${response.status} ${await response.text()}`);
      init = location === null ? { method: 'POST', body: `answer=${answer}` } : {};
      url = new URL(location ?? url, url);
      if (url.origin === server.url) return url;
    }
    throw new Error(`the provider does not lead back, but to ${url.href}`);
  }

  /** Begins to sign in. @returns the address at the provider */
  async begin(returnTo = '/certificates?state=failing'): Promise<URL> {
    const query = new URLSearchParams({ return: returnTo });
    const { status, headers } = await this.get(`/api/sign-in/oidc?${query}`);
    expect([status, headers.get('cache-control')]).toEqual([303, 'no-store']);
    return new URL(headers.get('location')!, server.url);
  }

  /** Comes back from the provider. @returns the page, with a failure in its query */
  async finish({ pathname, search }: URL): Promise<string> {
    const { status, headers } = await this.get(`${pathname}${search}`);
    expect(status).toBe(303);
    return headers.get('location')!;
  }

  async signIn(): Promise<string> {
    return await this.finish(await this.atProvider((await this.begin()).href));
  }
}

function keep(headers: Headers, jar: Map<string, string>): void {
  for (const line of headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (value === '') jar.delete(name);
    else jar.set(name, value);
  }
}
const cookieHeader = (jar: ReadonlyMap<string, string>) =>
  [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
const failure = (code: string) => `/certificates?state=failing&sign-in=ERR_SERVER_${code}`;

describe('a person who signs in at a provider', () => {
  it('gets a session with the rights of the token, which is listed, recorded, and ends', async () => {
    const browser = new Browser(provider);
    await expect(browser.get('/api/sign-in')).resolves.toMatchObject({
      body: { oidc: { name: new URL(provider.issuer).host } },
    });
    const start = await browser.begin();
    expect(start.origin).toBe(provider.issuer);
    const sent = Object.fromEntries(start.searchParams);
    expect(sent).toMatchObject({
      ...{ response_type: 'code', client_id: 'dashboard', scope: 'openid' },
      ...{ redirect_uri: `${server.url}${callbackPath}`, code_challenge_method: 'S256' },
    });
    // What the provider sees is not what the browser keeps.
    const [secret = ''] = browser.cookies.get('acmex-oidc')!.split('.');
    expect(start.href).not.toContain(secret);
    const answer = await browser.atProvider(start.href);
    // No process stores that it has begun: any other can complete it.
    await server.reload(settings(provider, withSecret));
    const reply = await browser.get(`${answer.pathname}${answer.search}`);
    expect([reply.status, reply.headers.get('location')]).toEqual([
      303,
      '/certificates?state=failing',
    ]);
    expect(reply.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^acmex=one\.\S+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/),
      'acmex-oidc=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
    ]);
    const { body: session } = await browser.get('/api/session');
    expect(session).toMatchObject({
      ...{ key: 'oidc:alice', title: 'Alice <b>', tenant: 'one', names: ['*.one.test'] },
      scopes: expect.arrayContaining(['certificates:read', 'keys:read', 'keys:write']),
    });
    expect(session.scopes).toHaveLength(3);
    await expect(browser.get('/api/orders')).resolves.toMatchObject({ status: 403 });
    const listed = await server.call('GET', '/api/sessions', { key: adminKey });
    expect(listed.body.items).toEqual([
      expect.objectContaining({ id: session.id, key: 'oidc:alice', title: 'Alice <b>' }),
    ]);
    const audit = await server.call('GET', '/api/audit?actor=oidc:alice', { key: adminKey });
    expect(audit.status).toBe(200);
    const events = await server.call('GET', '/api/events?limit=1000', { key: adminKey });
    expect(events.body.items).toContainEqual(
      expect.objectContaining({
        ...{ type: 'session_created', actor: 'oidc:alice' },
        message: expect.stringMatching(`^${session.id} of oidc:alice from 127\\.9\\.`),
      }),
    );
    const cookie = cookieHeader(browser.cookies);
    const headers = { cookie, 'x-csrf-token': session.csrf };
    await expect(
      server.call('DELETE', '/api/session', { key: '', headers: { cookie } }),
    ).resolves.toMatchObject({ status: 403, body: { code: 'ERR_SERVER_CSRF' } });
    await expect(
      server.call('DELETE', '/api/session', { key: '', headers }),
    ).resolves.toMatchObject({ status: 204 });
    await expect(browser.get('/api/session', { cookie })).resolves.toMatchObject({ status: 401 });
  });
});

describe('a sign-in that fails', () => {
  it('leads to the page it began on, which says that the person denied it', async () => {
    const browser = new Browser(provider);
    const denied = await browser.atProvider((await browser.begin()).href, 'no');
    await expect(browser.finish(denied)).resolves.toBe(failure('SIGN_IN_DENIED'));
    expect(browser.cookies.has('acmex')).toBe(false);
  });

  it('is one whose answer belongs to no sign-in of this browser, or to a used one', async () => {
    const [browser, intruder] = [new Browser(provider), new Browser(provider)];
    const answer = await browser.atProvider((await browser.begin()).href);
    const notBegun = '/?sign-in=ERR_SERVER_SIGN_IN_STATE';
    // Someone else has the link of the person, or sends theirs.
    await expect(intruder.finish(answer)).resolves.toBe(notBegun);
    await intruder.begin();
    await expect(intruder.finish(answer)).resolves.toBe(failure('SIGN_IN_STATE'));
    const cookie = browser.cookies.get('acmex-oidc')!;
    const changed = new URL(answer);
    changed.searchParams.set('state', newSecret());
    await expect(browser.finish(changed)).resolves.toBe(failure('SIGN_IN_STATE'));
    // The path to go to is part of what the state covers.
    const [secret, seconds] = cookie.split('.');
    const elsewhere = Buffer.from('//evil.example').toString('base64url');
    const planted: readonly (readonly [string, string])[] = [
      [`${secret}.${seconds}.${elsewhere}`, notBegun],
      [`${secret}.${Number(seconds) - 601}.${cookie.split('.')[2]}`, failure('SIGN_IN_STATE')],
      [`${cookie}; acmex-oidc=${cookie.replace(/^./, 'x')}`, notBegun],
      ['', notBegun],
    ];
    for (const [value, page] of planted) {
      browser.cookies.set('acmex-oidc', value);
      await expect(browser.finish(answer)).resolves.toBe(page);
    }
    browser.cookies.set('acmex-oidc', cookie);
    await expect(browser.finish(answer)).resolves.toBe('/certificates?state=failing');
    expect(browser.cookies.has('acmex-oidc')).toBe(false);
    await expect(browser.finish(answer)).resolves.toBe(notBegun);
    // Also with a copy of the cookie, the code works once.
    browser.cookies.set('acmex-oidc', cookie);
    await expect(browser.finish(answer)).resolves.toBe(failure('SIGN_IN_FAILED'));
  });

  it('never adopts a cookie that was planted, and each has its own', async () => {
    const browser = new Browser(provider);
    const planted = `one.${'0'.repeat(26)}.${newSecret()}`;
    browser.cookies.set('acmex', planted);
    await browser.signIn();
    const first = browser.cookies.get('acmex')!;
    expect(first).not.toBe(planted);
    await browser.signIn();
    expect(browser.cookies.get('acmex')).not.toBe(first);
    await expect(browser.get('/api/session', { cookie: `acmex=${first}` })).resolves.toMatchObject({
      status: 401,
    });
  });

  it('is one with another nonce, issuer or PKCE challenge', async () => {
    const before = server.log.length;
    const changes: readonly ((browser: Browser) => Promise<URL>)[] = [
      async (browser) => {
        const start = await browser.begin();
        start.searchParams.set('nonce', newSecret());
        return await browser.atProvider(start.href);
      },
      async (browser) => {
        const start = await browser.begin();
        start.searchParams.set('code_challenge', newSecret());
        return await browser.atProvider(start.href);
      },
      async (browser) => {
        const answer = await browser.atProvider((await browser.begin()).href);
        answer.searchParams.set('iss', 'https://evil.example');
        return answer;
      },
    ];
    for (const change of changes) {
      const browser = new Browser(provider);
      const answer = await change(browser);
      await expect(browser.finish(answer)).resolves.toBe(failure('SIGN_IN_FAILED'));
      expect(browser.cookies.has('acmex')).toBe(false);
    }
    const lines = server.log.slice(before).filter((line) => /ERR_SERVER_SIGN_IN_FAILED/.test(line));
    expect(lines).toEqual([
      expect.stringContaining('nonce'),
      expect.stringContaining('invalid_grant'),
      expect.stringContaining('iss'),
    ]);
    expect(lines.join()).not.toMatch(/eyJ|\bat .*:\d+:\d+/);
  });

  it.each([
    ['no tenant of this server', { tenant: 'three' }],
    ['no scope of this server', { scope: 'openid email' }],
    ['no scope at all', { scope: undefined }],
    ['no names', { dns: undefined }],
  ])('is one whose token has %s', async (_, claims) => {
    provider.claims = { ...person, dns: ['*.one.test'], ...claims };
    await expect(new Browser(provider).signIn()).resolves.toBe(failure('SIGN_IN_RIGHTS'));
  });

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '/.//evil.example/',
    '/%2e//evil.example/',
    '/\t/evil.example/',
    '\\\\evil.example/',
    'javascript:alert(1)',
    'certificates',
    '/api/sign-in/oidc',
    '',
  ])('is one that would return to %j', async (returnTo) => {
    const url = await new Browser(provider).begin(returnTo);
    expect(url.href).toBe(`${server.url}/?sign-in=ERR_SERVER_REQUEST`);
  });

  it('is one over http from another machine, or by a program that tries again and again', async () => {
    const browser = new Browser(provider);
    const remote = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-host': 'acmex.example' };
    for (const path of ['/api/sign-in/oidc', `${callbackPath}?code=a&state=b`]) {
      const { headers } = await browser.get(path, remote);
      expect(headers.get('location')).toBe('/?sign-in=ERR_SERVER_CLEAR_SESSION');
    }
    const https = await browser.get('/api/sign-in/oidc', {
      ...{ 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' },
    });
    expect(https.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-acmex-oidc=\S+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
      ),
    ]);
    const pages = [];
    for (let count = 0; count < 11; count += 1)
      pages.push((await browser.get(`${callbackPath}?code=a&state=b`)).headers.get('location'));
    expect(pages.at(-2)).toBe('/?sign-in=ERR_SERVER_SIGN_IN_STATE');
    expect(pages.at(-1)).toBe('/?sign-in=ERR_SERVER_THROTTLED');
  });
});

describe('a session of a person', () => {
  it('makes no key that outlasts it, and revokes keys that do', async () => {
    const browser = new Browser(provider);
    await browser.signIn();
    const { body: session } = await browser.get('/api/session');
    expect(session.keysExpireAt).toBe(session.expiresAt);
    const headers = {
      ...{ cookie: `acmex=${browser.cookies.get('acmex')}`, origin: server.url },
      'x-csrf-token': session.csrf,
    };
    const make = async (body: object) =>
      await server.call('POST', '/api/keys', { key: '', headers, body });
    await expect(make({ scopes: ['keys:read'] })).resolves.toMatchObject({
      status: 201,
      body: { createdBy: 'oidc:alice', expiresAt: session.expiresAt },
    });
    await expect(
      make({ scopes: ['keys:read'], expiresAt: '2100-01-01T00:00:00Z' }),
    ).resolves.toMatchObject({ status: 403, body: { code: 'ERR_SERVER_WIDER_KEY' } });
    const { body: key } = await server.call('POST', '/api/keys', {
      ...{ key: adminKey, body: { scopes: ['keys:read'], names: ['a.one.test'] } },
    });
    for (const action of ['rotate', 'expire', 'revoke']) {
      const [method, path, body] = {
        rotate: ['POST', `/api/keys/${key.id}/rotate`, { graceHours: 0 }],
        expire: ['POST', `/api/keys/${key.id}/expire`, { at: '2099-01-01T00:00:00Z' }],
        revoke: ['DELETE', `/api/keys/${key.id}`, undefined],
      }[action] as [string, string, unknown];
      const { status } = await server.call(method, path, {
        ...{ key: '', headers },
        ...(body === undefined ? {} : { body }),
      });
      expect([action, status < 300]).toEqual([action, action !== 'rotate']);
    }
  });

  it('has the rights of an access token for this server, of a public client', async () => {
    const browser = new Browser(provider);
    await browser.signIn();
    await expect(browser.get('/api/session')).resolves.toMatchObject({ status: 200 });
    const requested = 'login_scopes = ["openid", "orders:read"]';
    await server.reload(settings(resourceProvider, `${requested}\nlogin_name = "Test & Co"`));
    // What another provider said counts no more.
    await expect(browser.get('/api/session')).resolves.toMatchObject({ status: 401 });
    await expect(browser.get('/api/sign-in')).resolves.toMatchObject({
      body: { oidc: { name: 'Test & Co' } },
    });
    const atOther = new Browser(resourceProvider);
    // The scope of the ID token is of no account.
    resourceProvider.claims = { ...person, sub: 'bob', dns: ['b.one.test'] };
    await expect(atOther.signIn()).resolves.toBe('/certificates?state=failing');
    await expect(atOther.get('/api/session')).resolves.toMatchObject({
      body: { key: 'oidc:bob', scopes: ['orders:read'], names: ['b.one.test'] },
    });
    // It is not replaced by an ID token that says more.
    resourceProvider.claims = { ...resourceProvider.claims, tenant: 'three' };
    await expect(atOther.signIn()).resolves.toBe(failure('SIGN_IN_RIGHTS'));
  });

  it('begins nowhere while the provider is away, or without client_id', async () => {
    const away = { issuer: 'https://127.0.0.1:1' };
    await server.reload(settings(away));
    const browser = new Browser(provider);
    const page = `${server.url}${failure('UNAVAILABLE')}`;
    expect((await browser.begin()).href).toBe(page);
    expect((await browser.begin()).href).toBe(page);
    expect(server.log.at(-1)).toContain('https://127.0.0.1:1 cannot sign anyone in now');
    await server.reload(settings(away).replace('client_id = "dashboard"', ''));
    await expect(browser.get('/api/sign-in')).resolves.toMatchObject({ body: {} });
    await expect(browser.get('/api/sign-in/oidc')).resolves.toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('server.oidc.client_id') },
    });
  });
});
