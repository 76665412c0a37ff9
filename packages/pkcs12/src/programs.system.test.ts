import { describeWith } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  decryptPrivateKey,
  encryptPrivateKey,
  readJks,
  readPkcs12,
  writeJks,
  writePkcs12,
} from './index.ts';
import { type Algorithm, type Pair, workFolder } from './pairs.testing.ts';

const passphrase = 'correct horse';
const folder = workFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const pairs = {} as Record<Algorithm | 'issuer', Pair>;
const createdAtMs = Date.parse('2026-11-28T12:00:00Z');

function makePairs(): void {
  pairs.issuer ??= folder.pair('ec', 'issuer');
  for (const type of ['ec', 'rsa', 'ed25519'] as const)
    pairs[type] ??= folder.pair(type, type, 'issuer');
}

function openssl(...args: readonly string[]): string {
  return folder.run('openssl', args).toString();
}

const withPassphrase = ['-passin', `pass:${passphrase}`];

describeWith(['openssl'], 'OpenSSL 3, without -legacy', () => {
  beforeAll(makePairs);
  it.each([
    ['ec', false],
    ['rsa', false],
    ['ed25519', false],
    ['rsa', true],
  ] as const)('opens a PKCS#12 file with a key of type %s, legacy: %s', async (type, legacy) => {
    const { key, certificate } = pairs[type];
    const contents = {
      key,
      certificates: [certificate, pairs.issuer.certificate],
      friendlyName: 'web',
    };
    folder.write('ours.p12', await writePkcs12(contents, { passphrase, legacy }));
    const text = openssl('pkcs12', '-in', 'ours.p12', ...withPassphrase, '-nodes', '-info');
    expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(text).toContain('friendlyName: web');
    openssl(
      'pkcs12',
      '-in',
      'ours.p12',
      ...withPassphrase,
      '-nocerts',
      '-nodes',
      '-out',
      'key.pem',
    );
    expect(
      folder.run('openssl', ['pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-outform', 'DER']),
    ).toEqual(key);
  });
  it.each([
    ['its defaults', []],
    [
      'AES-128 and SHA-512',
      ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-macalg', 'SHA512'],
    ],
    [
      '3DES and SHA-1',
      ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'SHA1'],
    ],
    ['40-bit RC2, as Windows and OpenSSL 1 do', ['-legacy']],
    ['128-bit RC2', ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128']],
    ['no encryption of the certificates', ['-certpbe', 'NONE']],
    ['no MAC', ['-nomac']],
  ])('writes a PKCS#12 file with %s, which is read', async (_, options) => {
    const files = ['-in', 'rsa.pem', '-inkey', 'rsa-key.pem', '-certfile', 'issuer.pem'];
    const names = ['-name', 'größe', '-passout', `pass:${passphrase}`, '-out', 'theirs.p12'];
    openssl('pkcs12', '-export', ...files, ...names, ...options);
    const { keys, certificates } = await readPkcs12(folder.read('theirs.p12'), { passphrase });
    expect(keys.map(({ der }) => Buffer.from(der))).toEqual([pairs.rsa.key]);
    expect(keys[0]).toMatchObject({
      friendlyName: 'größe',
      localKeyId: certificates[0]!.localKeyId,
    });
    expect(certificates.map(({ der }) => Buffer.from(der))).toEqual([
      pairs.rsa.certificate,
      pairs.issuer.certificate,
    ]);
  });
  it('opens an encrypted key, and writes some that are read: PBKDF2 and scrypt', async () => {
    folder.write('key.p8', await encryptPrivateKey(pairs.ec.key, { passphrase }));
    const clear = [
      'pkcs8',
      '-inform',
      'DER',
      '-in',
      'key.p8',
      ...withPassphrase,
      '-topk8',
      '-nocrypt',
      '-outform',
      'DER',
    ];
    expect(folder.run('openssl', clear)).toEqual(pairs.ec.key);
    for (const scheme of [
      ['-v2', 'aes-256-cbc'],
      ['-v2', 'des3', '-v2prf', 'hmacWithSHA1'],
      ['-scrypt'],
      ['-v1', 'PBE-SHA1-3DES'],
    ]) {
      openssl(
        'pkcs8',
        '-topk8',
        '-in',
        'ec-key.pem',
        '-outform',
        'DER',
        '-out',
        'theirs.p8',
        '-passout',
        `pass:${passphrase}`,
        ...scheme,
      );
      expect(
        Buffer.from(await decryptPrivateKey(folder.read('theirs.p8'), { passphrase })),
      ).toEqual(pairs.ec.key);
    }
  });
});

describeWith(['openssl', 'keytool'], 'keytool', () => {
  const keytool = (...args: readonly string[]) =>
    folder.run('keytool', [...args, '-storepass', passphrase]).toString();
  beforeAll(makePairs);
  it('lists the key and the chain of a PKCS#12 file, and the truststore', async () => {
    const chain = [pairs.ec.certificate, pairs.issuer.certificate];
    folder.write(
      'ours.p12',
      await writePkcs12(
        { key: pairs.ec.key, certificates: chain, friendlyName: 'web' },
        { passphrase },
      ),
    );
    const listed = keytool('-list', '-v', '-keystore', 'ours.p12', '-storetype', 'PKCS12');
    expect(listed).toMatch(/Alias name: web[^]*Entry type: PrivateKeyEntry/);
    folder.write(
      'trust.p12',
      await writePkcs12({ certificates: chain, friendlyName: 'roots' }, { passphrase }),
    );
    const trusted = keytool('-list', '-keystore', 'trust.p12', '-storetype', 'PKCS12');
    expect(trusted.match(/trustedCertEntry/g)).toHaveLength(2);
  });
  it('converts our JKS file to PKCS#12, and back to one that is read', async () => {
    const certificates = [pairs.rsa.certificate, pairs.issuer.certificate];
    const entries = [
      { alias: 'Web', createdAtMs, key: pairs.rsa.key, certificates },
      { alias: 'root', createdAtMs, certificate: pairs.issuer.certificate },
    ];
    folder.write('ours.jks', writeJks(entries, { passphrase }));
    const convert = (from: string, to: string, type: string) =>
      keytool(
        '-importkeystore',
        '-srckeystore',
        from,
        '-srcstorepass',
        passphrase,
        '-destkeystore',
        to,
        '-deststoretype',
        type,
      );
    convert('ours.jks', 'converted.p12', 'PKCS12');
    const { keys, certificates: all } = await readPkcs12(folder.read('converted.p12'), {
      passphrase,
    });
    expect(keys.map(({ der }) => Buffer.from(der))).toEqual([pairs.rsa.key]);
    const fingerprints = all.map(({ der }) => Buffer.from(der).toString('hex'));
    for (const certificate of certificates)
      expect(fingerprints).toContain(certificate.toString('hex'));
    convert('converted.p12', 'theirs.jks', 'JKS');
    const again = readJks(folder.read('theirs.jks'), { passphrase });
    const [web, root] = ['web', 'root'].map((name) => again.find(({ alias }) => alias === name));
    expect(web).toMatchObject({ key: pairs.rsa.key, certificates });
    expect(root).toMatchObject({ certificate: pairs.issuer.certificate });
  });
});
