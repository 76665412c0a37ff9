import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { refusedNameCode, refusedNames } from '@acmex/identifier/contract';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createCsr, nodeCrypto, parseCsr, type PrivateKey, webcrypto } from './index.ts';
import { alternativeNamesValue, subjectAltName } from './alternative-names.ts';
import { der, objectIdentifier } from './der.ts';
import { toPem } from './pem.ts';
import { signatureAlgorithmDer } from './signature-algorithm.ts';
import { x509 } from './x509.ts';

const name = (value: string) => ({ type: 'dns', value });
const pemOf = (csr: Uint8Array) => new TextDecoder().decode(toPem('CERTIFICATE REQUEST', csr));
let key: PrivateKey;
beforeAll(async () => {
  key = await nodeCrypto().generate('ec-p256');
});

const isAscii = ({ name: value }: { readonly name: string }) => /^[\0-\x7f]*$/.test(value);

async function requestWith(...extensions: x509.Extension[]): Promise<Uint8Array> {
  return await requestOf('', ...extensions);
}

async function requestOf(subject: string, ...extensions: x509.Extension[]): Promise<Uint8Array> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return new Uint8Array(
    (
      await x509.Pkcs10CertificateRequestGenerator.create({
        name: subject,
        keys,
        extensions,
        signingAlgorithm: algorithm,
      })
    ).rawData,
  );
}
const names = (...items: { readonly type: 'dns' | 'email'; readonly value: string }[]) =>
  new x509.SubjectAlternativeNameExtension(items);

describe('createCsr', () => {
  it('signs through the key alone, so that the key may be where nothing leaves', async () => {
    const signed: Uint8Array[] = [];
    const far: PrivateKey = {
      type: key.type,
      publicKey: key.publicKey,
      sign: async (data) => {
        signed.push(data);
        return await key.sign(data);
      },
    };
    await expect(
      parseCsr(await createCsr({ identifiers: [name('a.test')], key: far })),
    ).resolves.toMatchObject({ publicKey: key.publicKey, mustStaple: false });
    expect(signed).toHaveLength(1);
  });
  it('passes on why a key could not sign', async () => {
    await expect(
      createCsr({
        identifiers: [name('a.test')],
        key: { ...key, sign: () => Promise.reject(new Error('the HSM is locked')) },
      }),
    ).rejects.toThrow('the HSM is locked');
  });
  it('takes each name once, and writes it in one way', async () => {
    const identifiers = [
      name('A.test'),
      name('a.TEST'),
      { type: 'ip', value: '2001:DB8:0:0::1' },
      { type: 'ip', value: '2001:db8::1' },
      { type: 'ip', value: '::ffff:192.0.2.1' },
    ];
    const csr = await parseCsr(await createCsr({ identifiers, key }));
    expect(csr.identifiers).toEqual([
      name('a.test'),
      { type: 'ip', value: '2001:db8::1' },
      { type: 'ip', value: '::ffff:c000:201' },
    ]);
  });
  it('refuses a request without names', async () => {
    await expect(createCsr({ identifiers: [], key })).rejects.toMatchObject({
      code: 'ERR_CSR_NAMES',
      message: expect.stringContaining('at least one name'),
    });
  });
  it.each(refusedNames.filter(isAscii))('refuses $name', async ({ name: value, message }) => {
    await expect(createCsr({ identifiers: [name(value)], key })).rejects.toMatchObject({
      code: refusedNameCode,
      message,
    });
  });
  it.each([
    ['a Unicode name', [name('bücher.test')], 'is not in A-labels'],
    ['a name with a final dot', [name('a.test.')], 'ends with a dot'],
    ['an address as a name', [name('192.0.2.1')], 'is an IP address'],
    ['a name as an address', [{ type: 'ip', value: 'a.test' }], 'is not a valid IP address'],
    ['an address with a zone', [{ type: 'ip', value: 'fe80::1%eth0' }], 'has a zone'],
    ['half an address', [{ type: 'ip', value: '192.0.2' }], 'is not a valid IPv4 address'],
    ['another type of name', [{ type: 'email', value: 'a@a.test' }], 'type "email"'],
  ])('refuses %s', async (_, identifiers, words) => {
    await expect(createCsr({ identifiers, key })).rejects.toMatchObject({
      code: refusedNameCode,
      message: expect.stringContaining(words),
    });
  });
  it('refuses a common name that no certificate can have', async () => {
    for (const commonName of ['', 'a'.repeat(65)])
      await expect(
        createCsr({ identifiers: [name('a.test')], key, commonName }),
      ).rejects.toMatchObject({ code: 'ERR_CSR_NAMES' });
  });
  it('refuses a key whose public key is none', async () => {
    await expect(
      createCsr({
        identifiers: [name('a.test')],
        key: { ...key, publicKey: Uint8Array.of(1, 2, 3) },
      }),
    ).rejects.toMatchObject({ code: 'ERR_KEY_FORMAT' });
  });
});

describe('parseCsr', () => {
  it('reads DER, PEM, and PEM as bytes', async () => {
    const csr = await createCsr({ identifiers: [name('a.test')], key, mustStaple: true });
    const info = await parseCsr(csr);
    expect(info).toMatchObject({
      identifiers: [name('a.test')],
      keyType: 'ec-p256',
      publicKey: key.publicKey,
      mustStaple: true,
      der: csr,
    });
    await expect(parseCsr(`Certificate request:\n${pemOf(csr)}`)).resolves.toEqual(info);
    await expect(parseCsr(new TextEncoder().encode(pemOf(csr)))).resolves.toEqual(info);
  });
  it('refuses a request whose signature is not of its own key', async () => {
    const otherKey = await webcrypto().generate('ec-p256');
    await expect(
      parseCsr(
        await createCsr({
          identifiers: [name('a.test')],
          key: { ...otherKey, publicKey: key.publicKey },
        }),
      ),
    ).rejects.toMatchObject({
      code: 'ERR_CSR_FORMAT',
      message: expect.stringContaining('not of its own key'),
    });
  });
  it('refuses names that no ACME order can have, and a request without names', async () => {
    await expect(
      parseCsr(
        await requestWith(
          names({ type: 'dns', value: 'a.test' }, { type: 'email', value: 'a@a.test' }),
        ),
      ),
    ).rejects.toMatchObject({
      code: 'ERR_CSR_NAMES',
      message: expect.stringContaining('"email:a@a.test"'),
    });
    await expect(parseCsr(await requestWith())).rejects.toMatchObject({
      code: 'ERR_CSR_NAMES',
      message: expect.stringContaining('no DNS names'),
    });
  });
  it('reads the common name as the name where there is no other', async () => {
    await expect(parseCsr(await requestOf('CN=A.test'))).resolves.toMatchObject({
      identifiers: [name('a.test')],
    });
    await expect(parseCsr(await requestOf('CN=192.0.2.1'))).resolves.toMatchObject({
      identifiers: [{ type: 'ip', value: '192.0.2.1' }],
    });
    await expect(
      parseCsr(await requestOf('CN=a.test', names({ type: 'dns', value: 'a.test' }))),
    ).resolves.toMatchObject({ identifiers: [name('a.test')] });
  });
  it('refuses a common name that is not one of the other names', async () => {
    for (const subject of ['CN=b.test', 'CN=a.test, CN=b.test', 'CN=My Server'])
      await expect(
        parseCsr(await requestOf(subject, names({ type: 'dns', value: 'a.test' }))),
      ).rejects.toMatchObject({
        code: 'ERR_CSR_NAMES',
        message: expect.stringContaining('common name'),
      });
  });
  it('refuses names that no certificate can have', async () => {
    for (const value of ['a_b.test', 'a.1', 'a.*.test', '*', 'a..test'])
      await expect(
        parseCsr(await requestWith(names({ type: 'dns', value }))),
      ).rejects.toMatchObject({ code: refusedNameCode });
    await expect(parseCsr(await requestOf('CN=My Server'))).rejects.toMatchObject({
      code: refusedNameCode,
    });
  });
  it('refuses a second list of names, which one reader would see and another would not', async () => {
    await expect(
      parseCsr(
        await requestWith(
          names({ type: 'dns', value: 'a.test' }),
          names({ type: 'dns', value: 'b.test' }),
        ),
      ),
    ).rejects.toMatchObject({ code: 'ERR_CSR_FORMAT' });
  });
  it('refuses more than 1 MiB', async () => {
    const csr = pemOf(await createCsr({ identifiers: [name('a.test')], key }));
    for (const input of [csr + ' '.repeat(1_048_576), new Uint8Array(1_048_577)])
      await expect(parseCsr(input)).rejects.toMatchObject({
        code: 'ERR_CSR_FORMAT',
        message: expect.stringContaining('larger than 1 MiB'),
      });
  });
  it('refuses what is damaged, or something else', async () => {
    const csr = await createCsr({ identifiers: [name('a.test')], key });
    const { publicKey } = generateKeyPairSync('ed25519');
    for (const input of [
      '',
      'hello',
      csr.subarray(0, -1),
      Buffer.concat([csr, Buffer.from([0])]),
      pemOf(csr).replace('-----END', ''),
      publicKey.export({ format: 'pem', type: 'spki' }),
    ]) {
      await expect(parseCsr(input)).rejects.toMatchObject({ code: 'ERR_CSR_FORMAT' });
    }
  });
  it.each<[string, readonly string[], RegExp]>([
    ['RSA 1024', ['-newkey', 'rsa:1024'], /"rsa 1024"/],
    ['secp256k1', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], /"ec secp256k1"/],
    ['Ed448', ['-newkey', 'ed448'], /"ed448"/],
    [
      'explicit parameters',
      [
        ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:brainpoolP256r1'],
        ...['-pkeyopt', 'ec_param_enc:explicit'],
      ],
      /type "ec/,
    ],
  ])('refuses a key that no public CA certifies, by its name: %s', async (_, flags, words) => {
    const request = [
      ...['req', '-new', ...flags, '-nodes', '-keyout', '/dev/null'],
      ...['-subj', '/CN=a.test', '-addext', 'subjectAltName=DNS:a.test'],
    ];
    const pem = execFileSync('openssl', request, { stdio: ['ignore', 'pipe', 'ignore'] });
    await expect(parseCsr(pem)).rejects.toMatchObject({
      code: 'ERR_KEY_TYPE',
      message: expect.stringMatching(words),
    });
  });
  it("reads extensions under Microsoft's attribute", async () => {
    const value = alternativeNamesValue([name('a.test'), name('b.test')]);
    const extension = der(0x30, objectIdentifier(subjectAltName), der(0x04, value));
    const attribute = der(
      0x30,
      objectIdentifier('1.3.6.1.4.1.311.2.1.14'),
      der(0x31, der(0x30, extension)),
    );
    const info = der(
      0x30,
      Uint8Array.of(0x02, 0x01, 0x00),
      der(0x30),
      key.publicKey,
      der(0xa0, attribute),
    );
    const signature = await key.sign(info);
    const request = der(
      0x30,
      info,
      signatureAlgorithmDer(key.type),
      der(0x03, Uint8Array.of(0), signature),
    );
    await expect(parseCsr(request)).resolves.toMatchObject({
      identifiers: [name('a.test'), name('b.test')],
    });
  });
});
