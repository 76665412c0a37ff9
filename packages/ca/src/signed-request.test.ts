import { generateKeyPairSync } from 'node:crypto';
import { type AccountKey, generateAccountKey, type JwsAlgorithm, signJws } from '@acmex/protocol';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CompactSign, exportJWK, FlattenedSign, generateKeyPair } from 'jose';
import {
  base,
  nonce,
  post,
  postAs,
  raw,
  type TestCa,
  testCa,
  type TestClient,
} from './ca.testing.ts';
import { importedKeys } from './jws.ts';
import { Refusal } from './problems.ts';
import { weakKeyFaults } from './public-key.ts';
import { signedRequest } from './signed-request.ts';
import { urlsUnder } from './urls.ts';
import { smallOrderAccountKey, weakAccountKey } from './weak-key.testing.ts';

let ca: TestCa;
let account: TestClient;
beforeAll(async () => {
  ca = await testCa();
  account = await ca.account();
});

const send = (body: unknown, path = account.url) =>
  raw(ca, path, {
    method: 'POST',
    headers: { 'content-type': 'application/jose+json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const header = async (more: object = {}) => ({
  nonce: await nonce(ca),
  url: account.url,
  kid: account.url,
  ...more,
});
const encoded = (object: unknown) => Buffer.from(JSON.stringify(object)).toString('base64url');

describe('a request', () => {
  it.each<JwsAlgorithm>(['ES256', 'ES384', 'ES512', 'RS256', 'EdDSA'])(
    'signed with %s is taken',
    async (algorithm) => {
      const { key } = await generateAccountKey(algorithm);
      await expect(post(ca, '/new-account', {}, { key })).resolves.toMatchObject({ status: 201 });
      await expect(
        post(ca, '/new-account', { onlyReturnExisting: true }, { key }),
      ).resolves.toMatchObject({ status: 200 });
    },
  );
  it('signed with PS256 is taken', async () => {
    const { privateKey, publicKey } = await generateKeyPair('PS256', { extractable: true });
    const jws = await new FlattenedSign(Buffer.from('{}'))
      .setProtectedHeader({
        alg: 'PS256',
        jwk: await exportJWK(publicKey),
        nonce: await nonce(ca),
        url: `${base}/new-account`,
      })
      .sign(privateKey);
    await expect(send(jws, '/new-account')).resolves.toMatchObject({ status: 201 });
  });
  it.each<[string, object, string]>([
    ['alg none', { alg: 'none' }, 'badSignatureAlgorithm'],
    ['alg None', { alg: 'None' }, 'badSignatureAlgorithm'],
    ['alg HS256', { alg: 'HS256' }, 'badSignatureAlgorithm'],
    ['no alg', { alg: undefined }, 'badSignatureAlgorithm'],
    ['alg as a list', { alg: ['ES256'] }, 'badSignatureAlgorithm'],
    ['the algorithm of another curve', { alg: 'ES384' }, 'badSignatureAlgorithm'],
    ['the algorithm of another type of key', { alg: 'RS256' }, 'badSignatureAlgorithm'],
    ['crit', { crit: ['b64'], b64: false }, 'malformed'],
    ['b64', { b64: true }, 'malformed'],
    ['both jwk and kid', { jwk: { kty: 'EC' } }, 'malformed'],
    ['neither jwk nor kid', { kid: undefined }, 'malformed'],
    ['another URL', { url: `${base}/new-order` }, 'unauthorized'],
    ['the same URL at another host', { url: 'https://evil.test/acme/account' }, 'unauthorized'],
    ['no URL', { url: undefined }, 'unauthorized'],
    [
      'an account that there is not',
      { kid: `${base}/account/acc_00000000000000000000000000` },
      'accountDoesNotExist',
    ],
    [
      'an account of another CA',
      { kid: 'https://evil.test/acme/account/acc_00000000000000000000000000' },
      'accountDoesNotExist',
    ],
    ['an account that is a path', { kid: `${base}/account/../order/x` }, 'accountDoesNotExist'],
    ['an account that is not a text', { kid: 7 }, 'accountDoesNotExist'],
  ])('with %s is refused', async (_, more, problem) => {
    const answer = await postAs(
      ca,
      account,
      account.url,
      undefined,
      more as Record<string, unknown>,
    );
    expect(answer).toMatchObject({ problem });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    if (problem === 'badSignatureAlgorithm') expect(answer.json?.algorithms).toContain('ES256');
  });
  it('signed with a shared secret, as if the public key were one, is refused', async () => {
    const secret = Buffer.from(JSON.stringify(account.key.jwk));
    const jws = await new FlattenedSign(Buffer.from(''))
      .setProtectedHeader({ alg: 'HS256', ...(await header()) })
      .sign(secret);
    await expect(send(jws)).resolves.toMatchObject({ problem: 'badSignatureAlgorithm' });
  });
  it("signed with another key than the account's is refused", async () => {
    const { key } = await generateAccountKey();
    await expect(
      post(ca, account.url, undefined, { key, kid: account.url }),
    ).resolves.toMatchObject({ status: 400, problem: 'malformed' });
  });
  it('that was altered after it was signed is refused, and its nonce can still be used', async () => {
    const protectedHeader = await header();
    const jws = await signJws(account.key, protectedHeader, JSON.stringify({ contact: [] }));
    await expect(
      send({ ...jws, payload: encoded({ status: 'deactivated' }) }),
    ).resolves.toMatchObject({ problem: 'malformed' });
    await expect(send(jws)).resolves.toMatchObject({ status: 200 });
  });
  it.each<[string, (jws: Awaited<ReturnType<typeof signJws>>) => unknown]>([
    [
      'a second signature',
      (jws) => ({ ...jws, signatures: [{ protected: jws.protected, signature: jws.signature }] }),
    ],
    [
      'signatures alone',
      ({ payload, ...signature }) => ({ payload, signatures: [signature, signature] }),
    ],
    ['an unprotected header', (jws) => ({ ...jws, header: { kid: 'other' } })],
    ['no signature', (jws) => ({ protected: jws.protected, payload: jws.payload })],
    ['an empty signature', (jws) => ({ ...jws, signature: '' })],
    ['a signature that is not base64url', (jws) => ({ ...jws, signature: '+/+/' })],
    ['a header that is not JSON', (jws) => ({ ...jws, protected: 'AAAA' })],
    ['a header that is a list', (jws) => ({ ...jws, protected: encoded([]) })],
    ['a JWS in compact form', (jws) => `${jws.protected}.${jws.payload}.${jws.signature}`],
    ['no JSON', () => '{'],
    ['a list', (jws) => [jws]],
    ['null', () => 'null'],
    ['nothing', () => ''],
  ])('with %s is refused', async (_, alter) => {
    const jws = await signJws(account.key, await header(), '');
    await expect(send(alter(jws))).resolves.toMatchObject({ status: 400, problem: 'malformed' });
  });
  it('in compact form, rightly signed, is refused all the same', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    await expect(
      send(
        await new CompactSign(Buffer.from(''))
          .setProtectedHeader({ alg: 'ES256', ...(await header()) })
          .sign(privateKey),
      ),
    ).resolves.toMatchObject({ problem: 'malformed' });
  });
  it('over 64 KiB is refused, said or unsaid', async () => {
    const body = JSON.stringify({
      ...(await signJws(account.key, await header(), '')),
      more: 'x'.repeat(66_000),
    });
    await expect(send(body)).resolves.toMatchObject({ status: 413, problem: 'malformed' });
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(10_000));
      },
    });
    await expect(
      raw(ca, account.url, {
        method: 'POST',
        headers: { 'content-type': 'application/jose+json' },
        body: stream,
        duplex: 'half',
      } as RequestInit),
    ).resolves.toMatchObject({ status: 413 });
  });
  it('is read by POST-as-GET with an empty payload alone, and never by GET', async () => {
    await expect(postAs(ca, account, `${account.url}/orders`, {})).resolves.toMatchObject({
      status: 400,
      problem: 'malformed',
    });
    await expect(postAs(ca, account, `${account.url}/orders`, undefined)).resolves.toMatchObject({
      status: 200,
    });
    const got = await raw(ca, account.url);
    expect(got).toMatchObject({ status: 405, problem: 'malformed' });
    expect(got.headers.get('allow')).toBe('POST');
  });
  it.each(['[]', '"x"', '7', 'null', '{"a":', 'x'])(
    'with the payload %s is refused',
    async (payload) => {
      await expect(postAs(ca, account, account.url, payload)).resolves.toMatchObject({
        status: 400,
        problem: 'malformed',
      });
    },
  );
  it.each(['/new-order', '/new-authz', '/key-change'])(
    'to %s is signed by an account',
    async (path) => {
      await expect(post(ca, path, {}, { key: account.key })).resolves.toMatchObject({
        status: 400,
        problem: 'malformed',
      });
    },
  );
  it('to /new-account is signed by a key', async () => {
    await expect(postAs(ca, account, '/new-account', {})).resolves.toMatchObject({
      status: 400,
      problem: 'malformed',
    });
  });
  it.each([
    '//directory',
    '/Directory',
    '/directory/',
    '/%64irectory',
    '/directory;x',
    '/directory?x',
    '/new-order/',
    '/order/x',
    '/account/ACC_00000000000000000000000000',
    '/constructor',
    '/__proto__',
  ])('to %s finds nothing', async (path) => {
    await expect(raw(ca, path)).resolves.toMatchObject({ status: 404, problem: 'malformed' });
  });
  it('reaches its resource whatever host it names, and the answer names the configured one alone', async () => {
    const answer = await raw(ca, 'http://evil.test:99/acme/directory', {
      headers: { host: 'evil.test', 'x-forwarded-host': 'evil.test', forwarded: 'host=evil.test' },
    });
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('evil');
  });
});

describe('an account key', () => {
  const jwkOf = (options: object) =>
    (
      generateKeyPairSync as unknown as (
        type: string,
        options: object,
      ) => { privateKey: { export(o: object): object } }
    )('rsa', options).privateKey.export({ format: 'jwk' });
  const key = (jwk: Record<string, unknown>, algorithm = 'RS256') =>
    ({ algorithm, jwk, sign: async () => new Uint8Array(256) }) as unknown as AccountKey;
  const without = ({ kty, n, e }: Record<string, unknown>) => ({ kty, n, e });
  it.each<[string, () => AccountKey | Promise<AccountKey>]>([
    [
      'RSA of 1024 bits',
      () => key(without(jwkOf({ modulusLength: 1024 }) as Record<string, unknown>)),
    ],
    [
      'RSA with the exponent 3',
      () =>
        key(without(jwkOf({ modulusLength: 2048, publicExponent: 3 }) as Record<string, unknown>)),
    ],
    ['RSA of 4104 bits (S8)', () => key({ kty: 'RSA', e: 'AQAB', n: 'x'.repeat(684) })],
    ['RSA with a small factor', () => weakAccountKey()],
    ['Ed25519 of small order (L5)', () => smallOrderAccountKey()],
    ['a private key', () => key(jwkOf({ modulusLength: 2048 }) as Record<string, unknown>)],
    [
      'of the curve secp256k1',
      () => key({ kty: 'EC', crv: 'secp256k1', x: 'A'.repeat(43), y: 'A'.repeat(43) }, 'ES256'),
    ],
    [
      'a point off its curve',
      () => key({ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(42) + 'E' }, 'ES256'),
    ],
    ['symmetric', () => key({ kty: 'oct', k: 'AAAA' }, 'ES256')],
    ['of no type', () => key({}, 'ES256')],
  ])('that is %s is refused', async (_, make) => {
    await expect(post(ca, '/new-account', {}, { key: await make() })).resolves.toMatchObject({
      status: 400,
      problem: 'badPublicKey',
    });
  });
  it('is tested for weakness only after its signature and its nonce (S8)', async () => {
    const weak = weakAccountKey();
    const unsigned = { ...weak, sign: async () => new Uint8Array(256) } as AccountKey;
    await expect(post(ca, '/new-account', {}, { key: unsigned })).resolves.toMatchObject({
      problem: 'malformed',
    });
    const used = { nonce: await nonce(ca) };
    const again = () => post(ca, '/new-account', {}, { key: weak, header: used });
    expect([(await again()).problem, (await again()).problem]).toEqual([
      'badPublicKey',
      'badNonce',
    ]);
  });
  it('of a second request is not tested for weakness again, until others took its place (S8)', async () => {
    const tested: bigint[] = [];
    const test = (modulus: bigint) => {
      tested.push(modulus);
      return modulus % 127n === 0n;
    };
    const weakKeyFault = weakKeyFaults({ limit: 2, test });
    const service = { storage: ca.storage, urls: urlsUnder(base), weakKeyFault };
    const yes = async () => true;
    const state = {
      nonces: { fresh: async () => 'any', plausible: yes, use: yes },
      keys: importedKeys(),
    };
    const url = `${base}/new-account`;
    const verdict = async (key: AccountKey) => {
      const jws = await signJws(key, { nonce: 'any', url, jwk: key.jwk }, '{}');
      const received = { url, body: JSON.stringify(jws), signedBy: 'jwk' } as const;
      return await signedRequest(service, state, received).then(
        () => 'good',
        (error: unknown) => error instanceof Refusal && error.document.type.split(':').at(-1),
      );
    };
    const weak = weakAccountKey();
    const [good, next] = [
      (await generateAccountKey('RS256')).key,
      (await generateAccountKey('RS256')).key,
    ];
    for (const [key, type] of [
      [weak, 'badPublicKey'],
      [good, 'good'],
    ] as const)
      for (const time of [1, 2]) expect([time, await verdict(key)]).toEqual([time, type]);
    expect(tested).toHaveLength(2);
    expect([await verdict(next), await verdict(good)]).toEqual(['good', 'good']);
    expect(tested).toHaveLength(3);
    await expect(verdict(weak)).resolves.toBe('badPublicKey');
    expect(tested).toHaveLength(4);
  });
  it("written in another way is not a second account's", async () => {
    const { key: good } = await generateAccountKey();
    const odd = {
      ...good,
      jwk: { ...good.jwk, x: `${'x' in good.jwk ? good.jwk.x : ''}=` },
    } as AccountKey;
    await expect(post(ca, '/new-account', {}, { key: odd })).resolves.toMatchObject({
      problem: 'badPublicKey',
    });
  });
  it('may have members that ACME does not define', async () => {
    const { key: good } = await generateAccountKey();
    const more = {
      ...good,
      jwk: { ...good.jwk, kid: 'mine', use: 'sig' },
    } as unknown as AccountKey;
    const first = await post(ca, '/new-account', {}, { key: more });
    const second = await post(ca, '/new-account', {}, { key: good });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
  });
});

describe('a POST-as-GET (C33)', () => {
  it.each([
    ['/directory', 200],
    ['/new-nonce', 204],
  ])('reads %s as a GET does', async (path, status) => {
    const answer = await postAs(ca, account, path);
    expect(answer).toMatchObject({ status, text: (await raw(ca, path)).text });
    expect(answer.headers.get('replay-nonce')).toMatch(/^[\w-]{48}$/);
  });
  it('of the directory needs a signature and an empty payload', async () => {
    await expect(postAs(ca, account, '/directory', {})).resolves.toMatchObject({ status: 400 });
    const { key } = await generateAccountKey();
    await expect(
      post(ca, '/directory', undefined, { key, kid: account.url }),
    ).resolves.toMatchObject({ status: 400, problem: 'malformed' });
  });
});

describe('a member that is null (C32)', () => {
  const dns = (value: string) => ({ type: 'dns', value, ancestorDomain: null });
  it.each<[string, string, object]>([
    [
      'newOrder',
      '/new-order',
      {
        identifiers: [dns('a.test')],
        notBefore: null,
        notAfter: null,
        profile: null,
        replaces: null,
      },
    ],
    ['newAuthz', '/new-authz', { identifier: dns('a.test'), subdomainAuthAllowed: null }],
  ])('is absent in %s', async (_, path, payload) => {
    await expect(postAs(ca, account, path, payload)).resolves.toMatchObject({ status: 201 });
  });
  it('is absent in newAccount, in an update, and in the header', async () => {
    const { key } = await generateAccountKey();
    const payload = {
      contact: null,
      termsOfServiceAgreed: null,
      onlyReturnExisting: null,
      externalAccountBinding: null,
    };
    const header = { kid: null };
    const made = await post(ca, '/new-account', payload, { key, header });
    expect(made).toMatchObject({ status: 201, json: { contact: [] } });
    const url = made.headers.get('location') ?? '';
    await expect(
      postAs(ca, { key, url }, url, { status: null, contact: null }),
    ).resolves.toMatchObject({ status: 200, json: { status: 'valid' } });
  });
  it('is absent beside the members of a JWS', async () => {
    const jws = await signJws(account.key, await header(), '');
    await expect(send({ ...jws, header: null })).resolves.toMatchObject({ status: 200 });
  });
  it('does not replace a member that is required', async () => {
    await expect(postAs(ca, account, '/new-order', { identifiers: null })).resolves.toMatchObject({
      status: 400,
      problem: 'malformed',
    });
  });
});
