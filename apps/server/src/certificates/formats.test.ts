import { X509Certificate } from 'node:crypto';
import { parseChain } from '@acmex/certificate';
import { readBundle } from '@acmex/certificate/formats';
import { eventually } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';

const passphrase = 'correct horse';
let ca: TestCa;
let server: Serving;
let path: string;
let chain: string;
beforeAll(async () => {
  ca = await startCa({ alternatesOf: (first, root) => [first + root] });
  server = await serving({ ca });
  const { body } = await server.call('POST', '/api/orders', { body: { names: ['a.test'] } });
  path = `/api/certificates/${body.certificate}`;
  const read = async () => await server.call('GET', `${path}/chain`);
  await eventually(async () => (await read()).status === 200);
  chain = (await read()).text;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

/** The bytes of an answer: `call` reads text. */
async function bytesOf(url: string, more: Readonly<Record<string, string>> = {}) {
  const response = await server.fetch(url, { headers: { 'x-api-key': server.key, ...more } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, type: response.headers.get('content-type'), bytes };
}
const headers = { 'acmex-passphrase': passphrase };
const readings = async () =>
  (await server.call('GET', '/api/events?type=private_key_read')).body.items.length as number;

describe('A certificate by REST', () => {
  it.each([
    ['chain', 'der', 'application/pkix-cert'],
    ['chain', 'pkcs7-der', 'application/pkcs7-mime; smime-type=certs-only'],
    ['bundle', 'combined', 'application/x-pem-file'],
    ['bundle', 'pkcs8-der', 'application/pkcs8'],
    ['bundle', 'sec1', 'application/x-pem-file'],
  ])('is answered by %s in the format %s', async (route, format, contentType) => {
    const before = await readings();
    const { status, type, bytes } = await bytesOf(`${path}/${route}?format=${format}`);
    expect([status, type]).toEqual([200, contentType]);
    const bundle = await readBundle(bytes);
    if (format === 'pkcs7-der' || format === 'combined') expect(bundle.chain).toBe(chain);
    expect(bundle.privateKey !== undefined).toBe(route === 'bundle');
    expect(await readings()).toBe(before + (route === 'bundle' ? 1 : 0));
  });
  it('is encrypted with a passphrase of a header, which no record and no log has', async () => {
    const before = await readings();
    for (const format of ['pkcs12', 'jks']) {
      const answer = await bytesOf(`${path}/bundle?format=${format}`, headers);
      expect(answer.status).toBe(200);
      expect((await readBundle(answer.bytes, { passphrase })).chain).toBe(chain);
    }
    expect(await readings()).toBe(before + 2);
    const events = await server.call('GET', '/api/events');
    expect(events.text).not.toContain(passphrase);
  });
  it('is refused without the passphrase that its format needs, and no key is read', async () => {
    const before = await readings();
    await expect(server.call('GET', `${path}/bundle?format=pkcs12`)).resolves.toMatchObject({
      status: 422,
      body: { code: 'ERR_BUNDLE_PASSPHRASE' },
    });
    await expect(
      server.call('GET', `${path}/bundle?format=pkcs12&passphrase=${passphrase}`),
    ).resolves.toMatchObject({ status: 400 });
    await expect(
      server.call('GET', `${path}/bundle?format=pem`, { headers }),
    ).resolves.toMatchObject({ status: 422, body: { code: 'ERR_BUNDLE_PASSPHRASE' } });
    await expect(server.call('GET', `${path}/chain?format=pkcs8`)).resolves.toMatchObject({
      status: 400,
    });
    expect(await readings()).toBe(before);
  });
  it('is answered with the chain that is asked for: by number, name or fingerprint', async () => {
    const { body } = await server.call('GET', path);
    const [name] = body.current.chains;
    expect(body.current.chains).toHaveLength(2);
    const second = await server.call('GET', `${path}/chain?chain=2`);
    expect([second.status, parseChain(second.text).length]).toEqual([
      200,
      parseChain(chain).length + 1,
    ]);
    const { fingerprint } = parseChain(second.text).at(-1)!;
    for (const [wanted, text] of [
      ['1', chain],
      [name, chain],
      [fingerprint, second.text],
    ]) {
      const query = `chain=${encodeURIComponent(wanted)}`;
      expect((await server.call('GET', `${path}/chain?${query}`)).text).toBe(text);
      const { bytes } = await bytesOf(`${path}/bundle?format=combined&${query}`);
      expect((await readBundle(bytes)).chain).toBe(text);
    }
    const before = await readings();
    for (const route of ['chain', 'bundle'])
      await expect(server.call('GET', `${path}/${route}?chain=3`)).resolves.toMatchObject({
        status: 422,
        body: { code: 'ERR_ORCHESTRATOR_INPUT', detail: expect.stringContaining(`1 (${name})`) },
      });
    expect(await readings()).toBe(before);
  });
  it('has a key only for a caller who may read keys', async () => {
    const key = await server.makeKey({ scopes: ['certificates:read'], names: ['a.test'] });
    const keystore = `${path}/bundle?format=pkcs12`;
    for (const answer of [
      await server.call('GET', `${path}/bundle?format=pkcs8`, { key }),
      await server.call('GET', keystore, { key, headers }),
    ])
      expect(answer.status).toBe(403);
    const otherName = await server.makeKey({ scopes: ['private-keys:read'], names: ['b.test'] });
    await expect(server.call('GET', keystore, { key: otherName, headers })).resolves.toMatchObject({
      status: 404,
    });
    const allowed = await server.call('GET', `${path}/chain?format=pkcs7`, { key });
    expect(allowed.text).toContain('BEGIN PKCS7');
  });
  it('gives a session of a browser the key only with the scope of its API key, and no cache stores it', async () => {
    const read = async (scopes: readonly string[]) => {
      const key = await server.makeKey({ scopes, names: ['a.test'] });
      const body = { key };
      const signedIn = await server.call('POST', '/api/session', { key: '', body });
      const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!;
      return await server.call('GET', `${path}/private-key`, { key: '', headers: { cookie } });
    };
    await expect(read(['certificates:read'])).resolves.toMatchObject({ status: 403 });
    const before = await readings();
    const { status, text, headers: received } = await read(['private-keys:read']);
    expect([status, text.includes('PRIVATE KEY'), received.get('cache-control')]).toEqual([
      ...[200, true],
      'no-store',
    ]);
    expect(await readings()).toBe(before + 1);
  });
});

describe('The details of a certificate by REST', () => {
  const details = async (query = '', key = server.key) =>
    await server.call('GET', `${path}/details${query}`, { key });

  it('are what each certificate of the chain in use says, the certificate first', async () => {
    const { status, body } = await details();
    const [leaf, issuer, ...rest] = body.chain;
    expect([status, body.generation, rest]).toEqual([200, 1, []]);
    expect(leaf).toMatchObject({
      ...{ issuer: issuer.subject, names: ['a.test'], keyType: 'ec-p256', isCa: false },
      ...{ mustStaple: false, purposes: ['serverAuth'] },
      spkiPin: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      extensions: expect.arrayContaining([
        { id: '2.5.29.17', name: 'subjectAltName', critical: expect.any(Boolean) },
      ]),
    });
    expect(issuer).toMatchObject({ isCa: true, names: [] });
  });
  it('are those of the chain that is asked for, as OpenSSL reads them', async () => {
    const { body } = await details('?chain=2');
    const { text } = await server.call('GET', `${path}/chain?chain=2`);
    const blocks = text.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? [];
    const expected = blocks
      .map((pem) => new X509Certificate(pem))
      .map(({ fingerprint256, fingerprint, serialNumber, ca: isCa, validFrom, validTo }) => ({
        fingerprint: plain(fingerprint256),
        sha1Fingerprint: plain(fingerprint),
        serialNumber: plain(serialNumber).replace(/^0+/, ''),
        ...{ isCa, notBefore: instant(validFrom), notAfter: instant(validTo) },
      }));
    expect(body.chain).toMatchObject(expected);
    expect(body.chain).toHaveLength(3);
    const root = body.chain.at(-1);
    expect([root.issuer, root.subject !== '']).toEqual([root.subject, true]);
    await expect(details('?chain=3')).resolves.toMatchObject({
      status: 422,
      body: { code: 'ERR_ORCHESTRATOR_INPUT' },
    });
  });
  it('are hidden from a key that may not see the certificate, and absent before the first issue', async () => {
    const key = await server.makeKey({ scopes: ['certificates:read'], names: ['b.test'] });
    await expect(details('', key)).resolves.toMatchObject({ status: 404 });
    ca.refused.add('refused.test');
    const { body } = await server.call('POST', '/api/orders', {
      body: { names: ['refused.test'] },
    });
    await expect(
      server.call('GET', `/api/certificates/${body.certificate}/details`),
    ).resolves.toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('was not issued yet') },
    });
  });
});

const plain = (hexadecimal: string) => hexadecimal.replaceAll(':', '').toLowerCase();
/** Of a time as OpenSSL writes it. */
const instant = (text: string) => new Date(text).toISOString().replace('.000Z', 'Z');
