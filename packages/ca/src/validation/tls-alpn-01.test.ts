import { createHash } from 'node:crypto';
import { createServer as createTcpServer } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import {
  createSelfSigned,
  type ExtensionValue,
  privateKeyPem,
  webcrypto,
} from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { x509 } from '../authority/x509.ts';
import { here, listening } from './local.testing.ts';
import { addressBytes, reverseName } from './reverse-name.ts';
import { validateTlsAlpn01 } from './tls-alpn-01.ts';

const keyAuthorization = 'token.thumbprint';
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const name = (value: string, type = 'dns') => ({ type, value });
const proof = (
  value: Uint8Array = Buffer.concat([Buffer.from([4, 32]), sha256(keyAuthorization)]),
  critical = true,
): ExtensionValue => ({ oid: '1.3.6.1.5.5.7.1.31', critical, value });
const key = await webcrypto().generate('ec-p256');
const keyPem = Buffer.from(await privateKeyPem(key));
const certificate = (identifiers = [name('a.test')], extensions = [proof()]) =>
  createSelfSigned({ identifiers, key, extensions });

/** The answer of the validator to a server that shows a certificate. */
async function validate(
  {
    cert,
    identifier = name('a.test'),
    ...options
  }: TlsOptions & { identifier?: ReturnType<typeof name> },
  host?: string,
) {
  const names: unknown[] = [];
  const server = createServer({
    cert,
    key: keyPem,
    ALPNProtocols: ['acme-tls/1'],
    SNICallback: (servername, done) => {
      names.push(servername);
      done(null);
    },
    ...options,
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  await using open = await listening(server, host);
  return {
    result: await validateTlsAlpn01({
      identifier,
      keyAuthorization,
      port: open.port,
      egress: here,
    }),
    names,
    port: open.port,
  };
}

describe('validateTlsAlpn01', () => {
  it('finds the digest in the certificate that is shown for the name', async () => {
    const { result, names, port } = await validate({ cert: await certificate([name('A.test')]) });
    expect([result, names]).toEqual([
      { valid: true, records: [{ type: 'connection', to: 'a.test', address: '127.0.0.1', port }] },
      ['a.test'],
    ]);
  });
  it.each([
    ['127.0.0.1', '1.0.0.127.in-addr.arpa'],
    ['::1', `1.${'0.'.repeat(31)}ip6.arpa`],
  ])('proves %s by its reverse name', async (value, servername) => {
    const { result, names } = await validate(
      { cert: await certificate([name(value, 'ip')]), identifier: name(value, 'ip') },
      value,
    );
    expect([result.valid, names]).toEqual([true, [servername]]);
    expect(
      (
        await validate(
          { cert: await certificate([name(servername)]), identifier: name(value, 'ip') },
          value,
        )
      ).result,
    ).toMatchObject({ valid: false, detail: expect.stringContaining(`is not for ${value} alone`) });
  });
  it.each<[string, () => Promise<string>, string]>([
    ['another name', () => certificate([name('b.test')]), 'not for a.test alone'],
    ['a second name', () => certificate([name('a.test'), name('b.test')]), 'not for a.test alone'],
    [
      'a second address',
      () => certificate([name('a.test'), name('127.0.0.1', 'ip')]),
      'not for a.test alone',
    ],
    ['a wildcard', () => certificate([name('*.test')]), 'not for a.test alone'],
    [
      'two lists of names',
      () =>
        certificate(
          [name('a.test')],
          [
            proof(),
            {
              oid: '2.5.29.17',
              critical: false,
              value: Buffer.from('30088206612e74657374', 'hex'),
            },
          ],
        ),
      'not for a.test alone',
    ],
    ['no proof', () => certificate(undefined, []), 'has 0 acmeIdentifier'],
    ['two proofs', () => certificate(undefined, [proof(), proof()]), 'has 2 acmeIdentifier'],
    [
      'a proof that is not critical',
      () => certificate(undefined, [proof(undefined, false)]),
      'not critical',
    ],
    [
      'the digest of another',
      () => certificate(undefined, [proof(Buffer.concat([Buffer.from([4, 32]), sha256('other')]))]),
      'another acmeIdentifier',
    ],
    [
      'a digest without its frame',
      () => certificate(undefined, [proof(sha256(keyAuthorization))]),
      'another acmeIdentifier',
    ],
    [
      'a digest in longer form',
      () =>
        certificate(undefined, [
          proof(Buffer.concat([Buffer.from([4, 0x81, 32]), sha256(keyAuthorization)])),
        ]),
      'another acmeIdentifier',
    ],
    [
      'a digest with more behind it',
      () =>
        certificate(undefined, [
          proof(Buffer.concat([Buffer.from([4, 32]), sha256(keyAuthorization), Buffer.from([0])])),
        ]),
      'another acmeIdentifier',
    ],
    ['the signature of another key', () => signedByAnother(), 'not signed by its own key'],
  ])('takes no certificate with %s', async (_, cert, why) => {
    const { result } = await validate({ cert: await cert() });
    expect(result).toMatchObject({
      valid: false,
      type: 'incorrectResponse',
      detail: expect.stringContaining(why),
      records: [{ to: 'a.test' }],
    });
    expect(JSON.stringify(result)).not.toMatch(/b\.test|thumbprint/);
  });
  it('takes no other protocol, and no TLS before 1.2', async () => {
    const cert = await certificate();
    expect((await validate({ cert, ALPNProtocols: [] })).result).toMatchObject({
      valid: false,
      type: 'incorrectResponse',
      detail: expect.stringContaining('acme-tls/1'),
    });
    expect((await validate({ cert, ALPNProtocols: ['http/1.1'] })).result).toMatchObject({
      valid: false,
      type: 'tls',
    });
    expect(
      (
        await validate({
          cert,
          minVersion: 'TLSv1.1',
          maxVersion: 'TLSv1.1',
          ciphers: 'DEFAULT@SECLEVEL=0',
        })
      ).result,
    ).toMatchObject({ valid: false, type: 'tls' });
    expect((await validate({ cert, maxVersion: 'TLSv1.2' })).result).toMatchObject({ valid: true });
  });
  it('reports what failed: the look-up, the address, the connection, TLS, the time', async () => {
    await using mailServer = await listening(
      createTcpServer((socket) => socket.end('220 mail\r\n')),
    );
    await using silent = await listening(createTcpServer((socket) => socket.resume()));
    const validated = (more: object) =>
      validateTlsAlpn01({
        identifier: name('a.test'),
        keyAuthorization,
        egress: here,
        port: mailServer.port,
        ...more,
      });
    await expect(
      validated({ egress: { ...here, resolver: async () => [] } }),
    ).resolves.toMatchObject({ type: 'dns' });
    await expect(
      validated({ egress: { resolver: async () => ['127.0.0.1'] } }),
    ).resolves.toMatchObject({
      type: 'connection',
      detail: expect.not.stringContaining('127.0.0.1'),
    });
    await expect(
      validated({ egress: { ...here, resolver: async () => ['127.0.0.77'] } }),
    ).resolves.toMatchObject({ type: 'connection' });
    await expect(validated({})).resolves.toMatchObject({ type: 'tls' });
    await expect(validated({ identifier: name('x', 'email') })).resolves.toMatchObject({
      type: 'serverInternal',
    });
    const clock = virtualClock();
    await expect(
      clock.run(validated({ port: silent.port, egress: { ...here, clock } })),
    ).resolves.toMatchObject({ type: 'tls', detail: expect.stringContaining('ERR_TIME_LIMIT') });
    await expect(validated({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });
});

describe('reverseName', () => {
  it.each([
    ['192.0.2.1', '1.2.0.192.in-addr.arpa'],
    ['2001:db8::1', `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
    ['::', `${'0.'.repeat(32)}ip6.arpa`],
    ['64:ff9b::192.0.2.1', `1.0.2.0.0.0.0.c.${'0.'.repeat(16)}b.9.f.f.4.6.0.0.ip6.arpa`],
  ])('of %s is %s', (address, expected) => {
    expect(reverseName(address)).toBe(expected);
  });
  it('is none for what is not an address', () => {
    expect(
      ['a.test', '1.2.3', 'fe80::1%lo', ''].map((text) => [reverseName(text), addressBytes(text)]),
    ).toEqual(Array.from({ length: 4 }, () => [undefined, undefined]));
  });
});

/** A certificate in whose name and key all is right, but which another key has signed. */
async function signedByAnother(): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const otherKey = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const publicKey = await crypto.subtle.importKey(
    'spki',
    Uint8Array.from(key.publicKey),
    algorithm,
    true,
    ['verify'],
  );
  const made = await x509.X509CertificateGenerator.create({
    subject: 'CN=self-signed',
    issuer: 'CN=self-signed',
    publicKey,
    signingKey: otherKey.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'a.test' }]),
      new x509.Extension(proof().oid, true, Uint8Array.from(proof().value)),
    ],
  });
  return made.toString('pem');
}
