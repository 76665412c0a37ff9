import { generateKeyPairSync, KeyObject, sign, type webcrypto as web } from 'node:crypto';
import { createCsr, type KeyType, type PrivateKey, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { identifiers } from '@acmex/identifier';
import { describe, expect, it } from '@jest/globals';
import { CertificationRequest } from '@peculiar/asn1-csr';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Attribute, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import { x509 } from './authority/x509.ts';
import {
  issue,
  postAs,
  testAuthority,
  type TestCa,
  testCa,
  type TestClient,
} from './ca.testing.ts';
import { smallOrderAccountKey } from './weak-key.testing.ts';
import {
  type CaaRequest,
  createDevelopmentAuthority,
  issuerOf,
  listIssued,
  type ValidationVerdict,
} from './index.ts';

const pairOf = (algorithm: object = { name: 'ECDSA', namedCurve: 'P-256' }) =>
  crypto.subtle.generateKey(algorithm as web.EcKeyGenParams, true, [
    'sign',
    'verify',
  ]) as Promise<web.CryptoKeyPair>;
type Names = ConstructorParameters<typeof x509.SubjectAlternativeNameExtension>[0];

/** A CSR with whatever a test wants in it, as base64url. */
async function csrOf({
  names = [
    { type: 'dns', value: 'a.test' },
    { type: 'dns', value: 'b.test' },
  ],
  subject = '',
  extensions = [],
  algorithm,
}: {
  readonly names?: Names;
  readonly subject?: string;
  readonly extensions?: readonly x509.Extension[];
  readonly algorithm?: object;
} = {}): Promise<string> {
  const san =
    Array.isArray(names) && names.length === 0
      ? []
      : [new x509.SubjectAlternativeNameExtension(names)];
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys: await pairOf(algorithm),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256', ...algorithm },
    extensions: [...san, ...extensions],
  });
  return Buffer.from(csr.rawData).toString('base64url');
}

/** An order for names that is ready. */
async function ready(
  ca: TestCa,
  account: TestClient,
  names: readonly string[] = ['a.test', 'b.test'],
): Promise<string> {
  const made = await postAs(ca, account, '/new-order', { identifiers: identifiers(names) });
  for (const url of made.json?.authorizations as string[]) {
    const challenges = (await postAs(ca, account, url)).json?.challenges as { url: string }[];
    await postAs(ca, account, challenges[0]!.url, {});
  }
  await ca.clock.run(ca.server.idle());
  return made.headers.get('location')!;
}
const finalize = (ca: TestCa, account: TestClient, order: string, csr: unknown) =>
  ca.clock.run(postAs(ca, account, `${order}/finalize`, { csr }));
const good = async (key?: PrivateKey) =>
  Buffer.from(
    await createCsr({
      identifiers: identifiers(['a.test', 'b.test']),
      key: key ?? (await webcrypto().generate('ec-p256')),
    }),
  ).toString('base64url');
type RequestInfo = CertificationRequest['certificationRequestInfo'];

/** A CSR with another version, signed by its key. RFC 2986 §4.1 */
async function withVersion(csr: string, version: number): Promise<string> {
  return await changedCsr(csr, (info) => {
    info.version = version;
  });
}

/** A CSR whose length has the form of BER. X.690 §8.1.3.5 */
function withLongLength(csr: string): string {
  const bytes = Buffer.from(csr, 'base64url');
  const first = bytes[1] ?? 0;
  const contents = bytes.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(contents.length);
  return Buffer.concat([Buffer.of(0x30, 0x84), length, contents]).toString('base64url');
}

/** A CSR with changed contents and a key of its own. */
async function changedCsr(csr: string, change: (info: RequestInfo) => void): Promise<string> {
  const { privateKey, publicKey } = await pairOf();
  const request = AsnConvert.parse(Buffer.from(csr, 'base64url'), CertificationRequest);
  const info = request.certificationRequestInfo;
  change(info);
  info.subjectPKInfo = AsnConvert.parse(
    await crypto.subtle.exportKey('spki', publicKey),
    SubjectPublicKeyInfo,
  );
  const raw = AsnConvert.serialize(info);
  request.certificationRequestInfoRaw = raw;
  const key = KeyObject.from(privateKey);
  request.signature = Uint8Array.from(sign('sha256', Buffer.from(raw), key)).buffer;
  return Buffer.from(AsnConvert.serialize(request)).toString('base64url');
}

function smallOrderKey(): PrivateKey {
  const { jwk, sign: signing } = smallOrderAccountKey();
  const point = Buffer.from('x' in jwk ? (jwk.x ?? '') : '', 'base64url');
  const publicKey = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), point]);
  return { type: 'ed25519', publicKey, sign: signing } as unknown as PrivateKey;
}

function pem(csr: string): string {
  const base64 = Buffer.from(csr, 'base64url').toString('base64');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`;
}

async function issuedBy(ca: TestCa): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const { serialNumber } of listIssued(ca.storage)) all.push(serialNumber);
  return all;
}

describe('finalize', () => {
  it('answers with exactly 200, the order and its URL; the certificate comes as PEM, leaf first', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const order = await ready(ca, account);
    const answer = await finalize(ca, account, order, await good());
    expect(answer).toMatchObject({ status: 200, json: { identifiers: [{}, {}] } });
    expect(answer.headers.get('location')).toBe(order);
    await ca.clock.run(ca.server.idle());
    const { json } = await postAs(ca, account, order);
    expect(json).toMatchObject({
      status: 'valid',
      certificate: expect.stringMatching(/\/certificate\/[0-9a-f]{32}$/),
    });
    const certificate = await postAs(ca, account, json?.certificate as string);
    expect(certificate.headers.get('content-type')).toBe('application/pem-certificate-chain');
    expect(certificate.text).toMatch(
      /^(-----BEGIN CERTIFICATE-----\n([\w+/=]{1,64}\n)+-----END CERTIFICATE-----\n){2}$/,
    );
    await expect(
      postAs(ca, await ca.account(), json?.certificate as string),
    ).resolves.toMatchObject({ status: 404, problem: 'malformed' });
    await expect(postAs(ca, account, json?.certificate as string, {})).resolves.toMatchObject({
      status: 400,
    });
  });
  it.each<KeyType>(['ec-p384', 'ec-p521', 'rsa-2048', 'ed25519'])(
    'takes a key of type %s',
    async (type) => {
      const ca = await testCa();
      await expect(
        issue(ca, await ca.account(), ['a.test'], { key: await webcrypto().generate(type) }),
      ).resolves.toMatchObject({ leaf: { keyType: type } });
    },
  );
  it('takes a request that has its name as common name alone, as some clients do, and one that has it twice', async () => {
    const ca = await testCa();
    const account = await ca.account();
    for (const names of [[], [{ type: 'dns', value: 'A.test' }] as const]) {
      await expect(
        finalize(
          ca,
          account,
          await ready(ca, account, ['a.test']),
          await csrOf({ names: [...names], subject: 'CN=a.test, O=Ignored' }),
        ),
      ).resolves.toMatchObject({ status: 200 });
    }
    await ca.clock.run(ca.server.idle());
    expect(await issuedBy(ca)).toHaveLength(2);
  });
  it("takes a request with its names under Microsoft's attribute, and refuses names that are there twice", async () => {
    const ca = await testCa();
    const account = await ca.account();
    const microsoft = '1.3.6.1.4.1.311.2.1.14';
    const csr = await csrOf();
    const moved = await changedCsr(csr, ({ attributes = [] }) => {
      for (const attribute of attributes) attribute.type = microsoft;
    });
    const twice = await changedCsr(csr, ({ attributes = [] }) => {
      const [{ values } = { values: [] }] = attributes;
      attributes.push(new Attribute({ type: microsoft, values }));
    });
    const finalized = async (request: string) =>
      await finalize(ca, account, await ready(ca, account), request);
    await expect(finalized(twice)).resolves.toMatchObject({ status: 400 });
    await expect(finalized(moved)).resolves.toMatchObject({ status: 200 });
  });
  it('copies nothing from the request but its key and the wish for stapling', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const order = await ready(ca, account);
    const extensions = [
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.3']),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.Extension('1.2.3.4', false, Uint8Array.of(5, 0)),
      new x509.Extension('1.3.6.1.5.5.7.1.24', false, Uint8Array.of(0x30, 3, 2, 1, 5)),
    ];
    await finalize(ca, account, order, await csrOf({ extensions, subject: 'O=Bank' }));
    await ca.clock.run(ca.server.idle());
    const { json } = await postAs(ca, account, order);
    const leaf = new x509.X509Certificate(
      (await postAs(ca, account, json?.certificate as string)).text,
    );
    expect(leaf.subject).toBe('');
    expect(
      leaf.extensions.map(({ type, critical }) => `${type}${critical ? ' critical' : ''}`),
    ).toEqual([
      '2.5.29.17 critical',
      '2.5.29.14',
      '2.5.29.19 critical',
      '2.5.29.15 critical',
      '2.5.29.37',
      '2.5.29.35',
      '1.3.6.1.5.5.7.1.1',
      '2.5.29.31',
      '1.3.6.1.5.5.7.1.24',
    ]);
    expect(leaf.getExtension(x509.ExtendedKeyUsageExtension)?.usages).toEqual([
      '1.3.6.1.5.5.7.3.1',
    ]);
    expect(leaf.getExtension(x509.KeyUsagesExtension)?.usages).toBe(
      x509.KeyUsageFlags.digitalSignature,
    );
    expect(Buffer.from(leaf.rawData).toString('latin1')).toContain('https://ca.test/acme/crl');
    expect(Buffer.from(leaf.rawData).toString('latin1')).toContain('https://ca.test/acme/issuer');
  });
  it('twice at once makes one certificate, and so do ten', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const order = await ready(ca, account);
    const csrs = await Promise.all(Array.from({ length: 10 }, () => good()));
    const answers = await ca.clock.run(
      Promise.all(csrs.map((csr) => postAs(ca, account, `${order}/finalize`, { csr }))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(
      answers.filter(({ status, problem }) => status === 403 && problem === 'orderNotReady'),
    ).toHaveLength(9);
    await ca.clock.run(ca.server.idle());
    expect(await issuedBy(ca)).toHaveLength(1);
    await expect(finalize(ca, account, order, csrs[0])).resolves.toMatchObject({
      status: 403,
      problem: 'orderNotReady',
    });
  });
  it('of an order that is not ready is refused', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const made = await postAs(ca, account, '/new-order', {
      identifiers: identifiers(['a.test', 'b.test']),
    });
    await expect(
      finalize(ca, account, made.headers.get('location')!, await good()),
    ).resolves.toMatchObject({ status: 403, problem: 'orderNotReady' });
  });
  const dns = (...names: string[]) => names.map((value) => ({ type: 'dns' as const, value }));
  it.each<[string, () => Promise<unknown> | unknown, string]>([
    ['a name too many', () => csrOf({ names: dns('a.test', 'b.test', 'c.test') }), 'badCSR'],
    ['a name too few', () => csrOf({ names: dns('a.test') }), 'badCSR'],
    ['a wildcard in place of a name', () => csrOf({ names: dns('a.test', '*.test') }), 'badCSR'],
    ['no names', () => csrOf({ names: [] }), 'badCSR'],
    [
      'an e-mail address',
      () => csrOf({ names: [...dns('a.test', 'b.test'), { type: 'email', value: 'a@a.test' }] }),
      'badCSR',
    ],
    [
      'a URI',
      () => csrOf({ names: [...dns('a.test', 'b.test'), { type: 'url', value: 'http://a.test' }] }),
      'badCSR',
    ],
    [
      'a directory name',
      () => csrOf({ names: [...dns('a.test', 'b.test'), { type: 'dn', value: 'CN=a.test' }] }),
      'badCSR',
    ],
    [
      'an address',
      () => csrOf({ names: [...dns('a.test', 'b.test'), { type: 'ip', value: '10.0.0.1' }] }),
      'badCSR',
    ],
    [
      'CA:true',
      () => csrOf({ extensions: [new x509.BasicConstraintsExtension(true, undefined, true)] }),
      'badCSR',
    ],
    ['a second common name', () => csrOf({ subject: 'CN=a.test, CN=b.test' }), 'badCSR'],
    ['a common name that is not ordered', () => csrOf({ subject: 'CN=c.test' }), 'badCSR'],
    [
      'a common name that is not among the other names',
      () => csrOf({ names: dns('b.test'), subject: 'CN=a.test' }),
      'badCSR',
    ],
    [
      'an unknown critical extension',
      () => csrOf({ extensions: [new x509.Extension('1.2.3.4', true, Uint8Array.of(5, 0))] }),
      'badCSR',
    ],
    [
      'name constraints',
      () => csrOf({ extensions: [new x509.Extension('2.5.29.30', true, Uint8Array.of(0x30, 0))] }),
      'badCSR',
    ],
    [
      'an extension twice',
      () => csrOf({ extensions: [new x509.SubjectAlternativeNameExtension(dns('c.test'))] }),
      'badCSR',
    ],
    [
      'an RSA key of 1024 bits',
      () =>
        csrOf({
          algorithm: {
            name: 'RSASSA-PKCS1-v1_5',
            hash: 'SHA-256',
            modulusLength: 1024,
            publicExponent: Uint8Array.of(1, 0, 1),
          },
        }),
      'badCSR',
    ],
    [
      'an RSA key with the exponent 3',
      () =>
        csrOf({
          algorithm: {
            name: 'RSASSA-PKCS1-v1_5',
            hash: 'SHA-256',
            modulusLength: 2048,
            publicExponent: Uint8Array.of(3),
          },
        }),
      'badCSR',
    ],
    [
      'a signature of another key',
      async () =>
        Buffer.from(
          await createCsr({
            identifiers: identifiers(['a.test', 'b.test']),
            key: {
              ...(await webcrypto().generate('ec-p256')),
              publicKey: (await webcrypto().generate('ec-p256')).publicKey,
            },
          }),
        ).toString('base64url'),
      'badCSR',
    ],
    [
      'more than 16 KiB',
      async () =>
        csrOf({ extensions: [new x509.Extension('1.2.3.4', false, new Uint8Array(17_000))] }),
      'badCSR',
    ],
    ['a length in more bytes than it needs', async () => withLongLength(await good()), 'badCSR'],
    ['version 7 (L11)', async () => withVersion(await good(), 6), 'badCSR'],
    ['an Ed25519 key of small order (L5)', () => good(smallOrderKey()), 'badCSR'],
    ['bytes behind it', async () => `${await good()}AAAA`, 'badCSR'],
    ['a part of it', async () => (await good()).slice(0, 100), 'badCSR'],
    [
      'a certificate',
      async () =>
        Buffer.from(
          (await testAuthority()).issuing.replace(/-----[^-]+-----|\s/g, ''),
          'base64',
        ).toString('base64url'),
      'badCSR',
    ],
    ['PEM', async () => `-----BEGIN CERTIFICATE REQUEST-----\n${await good()}`, 'malformed'],
    ['padding', async () => `${await good()}==`, 'malformed'],
    ['nothing', () => undefined, 'malformed'],
    ['a number', () => 7, 'malformed'],
    ['an empty text', () => '', 'malformed'],
  ])('with %s is refused, and the order can still be finalized', async (_, csr, problem) => {
    const ca = await testCa();
    const account = await ca.account();
    const order = await ready(ca, account);
    await expect(finalize(ca, account, order, await csr())).resolves.toMatchObject({
      status: 400,
      problem,
    });
    expect(await issuedBy(ca)).toHaveLength(0);
    await expect(finalize(ca, account, order, await good())).resolves.toMatchObject({
      status: 200,
    });
    expect(ca.failures).toEqual([]);
  });
  it.each<[string, (csr: string) => string, string, string]>([
    [
      'PEM in base64url (P16)',
      (csr) => Buffer.from(pem(csr)).toString('base64url'),
      'badCSR',
      'the CSR is not accepted: it is PEM: convert it to DER, then to base64url',
    ],
    ['PEM', pem, 'malformed', 'the "csr" is DER in base64url, without padding: this is PEM'],
    [
      'base64',
      (csr) => `${Buffer.from(csr, 'base64url').toString('base64')}=`,
      'malformed',
      'the "csr" is DER in base64url, without padding: this is base64',
    ],
  ])('with %s says so', async (_, written, problem, detail) => {
    const ca = await testCa();
    const account = await ca.account();
    const order = await ready(ca, account);
    await expect(finalize(ca, account, order, written(await good()))).resolves.toMatchObject({
      problem,
      json: { detail },
    });
  });
  it("with the account's own key is refused", async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const largeKey: PrivateKey = await webcrypto().import(
      Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    );
    const spki = Buffer.from(
      await crypto.subtle.exportKey(
        'spki',
        await crypto.subtle.importKey(
          'jwk',
          { ...account.key.jwk } as web.JsonWebKey,
          { name: 'ECDSA', namedCurve: 'P-256' },
          true,
          ['verify'],
        ),
      ),
    );
    // Signed in the form of a CSR with the key of the account, which signs in the form of JWS.
    const sign = async (data: Uint8Array) =>
      new Uint8Array(derOf(Buffer.from(await account.key.sign(data))));
    const order = await ready(ca, account);
    await expect(
      finalize(
        ca,
        account,
        order,
        await good({ ...largeKey, publicKey: new Uint8Array(spki), sign }),
      ),
    ).resolves.toMatchObject({
      status: 400,
      problem: 'badCSR',
      json: { detail: expect.stringContaining("account's own") },
    });
  });
});

describe('an issuance', () => {
  it('that a process has left half done ends with one certificate, of the serial number that was decided', async () => {
    const ca = await testCa();
    const never = await ca.restarted({
      issuer: {
        ...ca.issuer,
        issue: (_, { signal } = {}) =>
          new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => reject(signal.reason as Error));
          }),
      },
    });
    const account = await never.account();
    const order = await ready(never, account);
    await expect(finalize(never, account, order, await good())).resolves.toMatchObject({
      status: 200,
      json: { status: 'processing' },
    });
    const waiting = await postAs(never, account, order);
    expect(waiting.headers.get('retry-after')).toBe('1');
    expect(waiting.json).not.toHaveProperty('certificate');
    const next = await never.restarted({ issuer: ca.issuer });
    await next.clock.run(next.server.idle());
    await expect(postAs(next, account, order)).resolves.toMatchObject({
      json: { status: 'valid' },
    });
    expect(await issuedBy(next)).toHaveLength(1);
    expect([...never.failures, ...next.failures]).toEqual([]);
  });
  it('that fails is tried again, and the client sees processing meanwhile', async () => {
    let tries = 0;
    const ca = await testCa();
    const shaky = await ca.restarted({
      issuer: {
        ...ca.issuer,
        issue: async (...all) => {
          tries += 1;
          if (tries < 3) throw new Error('the HSM is away');
          return await ca.issuer.issue(...all);
        },
      },
    });
    const account = await shaky.account();
    const order = await ready(shaky, account);
    await expect(finalize(shaky, account, order, await good())).resolves.toMatchObject({
      status: 200,
    });
    await shaky.clock.run(shaky.server.idle());
    await expect(postAs(shaky, account, order)).resolves.toMatchObject({
      json: { status: 'valid' },
    });
    expect(tries).toBe(3);
  });
  it('is refused, and the operator notified, once the issuing certificate has expired', async () => {
    const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
    const { issuing, issuingKey } = await createDevelopmentAuthority({ clock });
    const ca = await testCa({
      clock,
      issuer: issuerOf({ chain: issuing, key: await webcrypto().import(issuingKey), clock }),
    });
    const account = await ca.account();
    await clock.advance({ hours: 24 * 7 - 1 });
    const order = await ready(ca, account);
    await clock.advance({ hours: 2 });
    await expect(finalize(ca, account, order, await good())).resolves.toMatchObject({
      status: 500,
      problem: 'serverInternal',
    });
    expect(ca.failures).toMatchObject([{ error: { code: 'ERR_CA_CERTIFICATE' } }]);
  });
  it('of two chains offers both', async () => {
    const { issuing, issuingKey, root } = await testAuthority();
    const ca = await testCa();
    const restarted = await ca.restarted({
      issuer: issuerOf({
        chain: issuing,
        alternates: [issuing + root],
        key: await webcrypto().import(issuingKey),
        clock: ca.clock,
      }),
    });
    const { chain, alternates, url } = await issue(restarted, await restarted.account(), [
      'a.test',
    ]);
    expect(chain).toHaveLength(2);
    expect(alternates).toEqual([`${url}/1`]);
  });
});

/** The two numbers of an ECDSA signature as DER. */
function derOf(sideBySide: Buffer): Buffer {
  const integer = (bytes: Buffer) => {
    const digits = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
    const positive = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits;
    return Buffer.concat([Buffer.of(2, positive.length), positive]);
  };
  const content = Buffer.concat([
    integer(sideBySide.subarray(0, 32)),
    integer(sideBySide.subarray(32)),
  ]);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

describe('CAA at issuance (L14)', () => {
  const checked = async (
    hours: number,
    verdict: ValidationVerdict = { valid: true },
    order?: (ca: TestCa, account: TestClient) => Promise<string>,
  ) => {
    const asked: CaaRequest[] = [];
    const validate = Object.assign(async () => ({ valid: true as const }), {
      checkCaa: async (request: CaaRequest) => {
        asked.push(request);
        return verdict;
      },
    });
    const ca = await testCa({ validate });
    const account = await ca.account();
    const url = await (order ?? ready)(ca, account);
    await ca.clock.advance({ hours });
    return { asked, account, ca, url, answer: await finalize(ca, account, url, await good()) };
  };

  it('is not checked again within eight hours of the validation', async () => {
    const { asked, answer } = await checked(7);
    expect([asked.length, answer.status]).toEqual([0, 200]);
  });
  it('is checked again for each name after eight hours', async () => {
    const { asked, answer, account } = await checked(9);
    expect(answer.status).toBe(200);
    expect(asked).toMatchObject([
      {
        identifier: { value: 'a.test' },
        wildcard: false,
        accountUrl: account.url,
        type: 'http-01',
      },
      { identifier: { value: 'b.test' } },
    ]);
  });
  it('refuses the certificate if it forbids it by then, and the order stays ready', async () => {
    const refused = { type: 'caa', detail: 'the CAA records of a.test forbid it' };
    const { answer, ca, account, url } = await checked(9, refused);
    expect(answer).toMatchObject({
      status: 403,
      problem: 'caa',
      json: { subproblems: [{ identifier: { value: 'a.test' } }, {}] },
    });
    expect(await issuedBy(ca)).toHaveLength(0);
    expect((await postAs(ca, account, url)).json).toMatchObject({ status: 'ready' });
  });
  it('is checked at once for names below a domain that was authorized with its subdomains', async () => {
    const { asked } = await checked(0, { valid: true }, async (ca, account) => {
      const made = await postAs(ca, account, '/new-order', {
        identifiers: ['a.test', 'b.test'].map((value) => ({
          type: 'dns',
          value,
          ancestorDomain: 'test',
        })),
      });
      const [url = ''] = made.json?.authorizations as string[];
      const challenges = (await postAs(ca, account, url)).json?.challenges as { url: string }[];
      await postAs(ca, account, challenges[0]!.url, {});
      await ca.clock.run(ca.server.idle());
      return made.headers.get('location')!;
    });
    expect(asked.map(({ identifier }) => identifier.value)).toEqual(['a.test', 'b.test']);
  });
});
