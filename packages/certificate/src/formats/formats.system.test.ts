import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseChain } from '../certificate-info.ts';
import { type Algorithm, certificate, keysOf } from '../chain.testing.ts';
import {
  type BundleFormat,
  bundleFormatNames,
  bundleFormats,
  type CertificateBundle,
  exportBundle,
  readBundle,
} from '../formats.ts';

const passphrase = 'correct horse';
const folder = mkdtempSync(join(tmpdir(), 'acmex-formats-'));
afterAll(() => removeFolder(folder));
const algorithms = ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048', 'ed25519'] as const;
const bundles = {} as Record<(typeof algorithms)[number], Required<CertificateBundle>>;

async function bundleOf(algorithm: Algorithm): Promise<Required<CertificateBundle>> {
  const [keys, signer] = [await keysOf(algorithm), await keysOf()];
  const names = { issuer: 'CN=Issuer', signer };
  const identifiers = [{ type: 'dns', value: 'a.test' }];
  const leaf = await certificate({ ...names, subject: 'CN=a.test', keys, identifiers });
  const issuer = await certificate({ ...names, subject: 'CN=Issuer', keys: signer, ca: true });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return {
    chain: parseChain(leaf + issuer)
      .map(({ pem }) => pem)
      .join(''),
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

beforeAll(async () => {
  for (const algorithm of algorithms) bundles[algorithm] = await bundleOf(algorithm);
});

const pemBlocks = (chain: string) =>
  chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g)!;

/** What a format holds of a bundle. */
function heldBy(format: BundleFormat, { chain, privateKey }: Required<CertificateBundle>) {
  const [leaf = '', ...issuers] = pemBlocks(chain);
  const { hasCertificate, hasKey } = bundleFormats[format];
  const isOfLeaf = format === 'leaf' || format === 'der';
  const isOfIssuers = format === 'chain' || format.endsWith('-truststore');
  const certificates = [...(isOfIssuers ? [] : [leaf]), ...(isOfLeaf ? [] : issuers)];
  return {
    chain: hasCertificate ? certificates.join('') : '',
    ...(hasKey && { privateKey }),
  };
}

/** Whether the format can hold a key of the type; formats without a key are tested once. */
function canHold(format: BundleFormat, algorithm: (typeof algorithms)[number]): boolean {
  if (!bundleFormats[format].hasKey) return algorithm === 'ec-p256';
  if (format === 'pkcs1') return algorithm === 'rsa-2048';
  return format !== 'sec1' || algorithm.startsWith('ec-');
}

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }).toString();
}

const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => undefined,
    (error: { readonly code?: unknown }) => error.code,
  );

describe('a certificate with its chain and key', () => {
  it.each(
    algorithms.flatMap((algorithm) =>
      bundleFormatNames
        .filter((format) => canHold(format, algorithm))
        .map((format) => [format, algorithm] as const),
    ),
  )('in the format %s, of type %s, is read back as it was written', async (format, algorithm) => {
    const secret = bundleFormats[format].passphrase === 'required' ? { passphrase } : {};
    const bytes = await exportBundle({ ...bundles[algorithm], format, ...secret });
    expect(await readBundle(bytes, secret)).toMatchObject(heldBy(format, bundles[algorithm]));
  });
  it.each(['combined', 'pkcs8', 'pkcs8-der'] as const)(
    'in the format %s with a passphrase needs it',
    async (format) => {
      const bytes = await exportBundle({ ...bundles['ec-p256'], format, passphrase });
      expect(await readBundle(bytes, { passphrase })).toMatchObject({
        privateKey: bundles['ec-p256'].privateKey,
      });
      expect(await codeOf(readBundle(bytes))).toBe('ERR_KEY_PASSPHRASE_MISSING');
      expect(await codeOf(readBundle(bytes, { passphrase: 'sesame' }))).toBe(
        'ERR_KEYSTORE_PASSPHRASE',
      );
    },
  );
  it('with derived salts has the same bytes each time, until the passphrase changes', async () => {
    for (const format of ['pkcs12', 'jks'] as const) {
      const write = async (secret: string) => {
        const request = { ...bundles['ec-p256'], format, salts: 'derived' } as const;
        return Buffer.from(await exportBundle({ ...request, passphrase: secret })).toString('hex');
      };
      const first = await write(passphrase);
      expect(await write(passphrase)).toBe(first);
      const changed = await write('sesame');
      const salts = (hex: string) => new Set(hex.match(/0410[0-9a-f]{32}/g));
      for (const salt of salts(changed)) expect(first).not.toContain(salt);
    }
  });
  it('in PKCS#7 with its certificates in any order is read leaf first', async () => {
    const { chain, privateKey } = bundles['ec-p256'];
    const reversed = [...pemBlocks(chain)].reverse().join('');
    expect((await readBundle(Buffer.from(reversed + reversed))).chain).toBe(chain);
    expect((await readBundle(Buffer.from(reversed + privateKey))).chain).toBe(chain);
  });
  it.each([
    ['pkcs12', { passphrase: undefined }, 'ERR_BUNDLE_PASSPHRASE'],
    ['pkcs12', { passphrase: '' }, 'ERR_BUNDLE_PASSPHRASE'],
    ['pem', { passphrase }, 'ERR_BUNDLE_PASSPHRASE'],
    ['sec1', { passphrase }, 'ERR_BUNDLE_PASSPHRASE'],
    ['jks', { passphrase, privateKey: undefined }, 'ERR_BUNDLE_INCOMPLETE'],
    ['der', { chain: '' }, 'ERR_BUNDLE_INCOMPLETE'],
    ['pkcs8', { privateKey: 'pkcs11:token=web;object=www' }, 'ERR_KEY_NOT_EXPORTABLE'],
    ['pkcs1', {}, 'ERR_KEY_TYPE'],
  ] as const)('in the format %s is refused with %j: %s', async (format, changes, code) => {
    expect(await codeOf(exportBundle({ ...bundles['ec-p256'], format, ...changes }))).toBe(code);
  });
  it('is refused with the key of a different certificate', async () => {
    const { privateKey } = bundles['ec-p384'];
    const request = { ...bundles['ec-p256'], privateKey, format: 'combined' } as const;
    expect(await codeOf(exportBundle(request))).toBe('ERR_BUNDLE_KEY');
  });
});

describe('a file that holds nothing usable', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['more than 1 MiB', Buffer.alloc(1_048_577, 0x30)],
    ['a public key', Buffer.from('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n')],
    ['a block that does not end', Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n')],
    ['an empty sequence', Buffer.from('3000', 'hex')],
  ])('is refused: %s', async (_, bytes) => {
    expect(await codeOf(readBundle(bytes, { passphrase }))).toBe('ERR_BUNDLE_FORMAT');
  });
  it('is refused with a code when any format is cut off', async () => {
    for (const format of bundleFormatNames.filter((name) => canHold(name, 'ec-p256'))) {
      const secret = bundleFormats[format].passphrase === 'required' ? { passphrase } : {};
      const bytes = await exportBundle({ ...bundles['ec-p256'], format, ...secret });
      for (const share of [0.2, 0.5, 0.9]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        const result = await readBundle(cut, { passphrase }).catch(
          ({ code }: { readonly code?: unknown }) => code,
        );
        // The first certificate of a PEM file may be whole.
        if (typeof result !== 'object')
          expect([format, result]).toEqual([format, expect.stringMatching(/^ERR_/)]);
      }
    }
  });
  it('is refused when it has two private keys', async () => {
    const both = bundles['ec-p256'].privateKey + bundles.ed25519.privateKey;
    expect(await codeOf(readBundle(Buffer.from(both)))).toBe('ERR_BUNDLE_SEVERAL');
  });
});

describeWith(['openssl'], 'OpenSSL', () => {
  const write = async (format: BundleFormat, algorithm: keyof typeof bundles, secret?: string) =>
    writeFileSync(
      join(folder, 'ours'),
      await exportBundle({ ...bundles[algorithm], format, passphrase: secret }),
    );
  it('reads each format of ours', async () => {
    for (const [format, form] of [
      ['pkcs7', 'PEM'],
      ['pkcs7-der', 'DER'],
    ] as const) {
      await write(format, 'ec-p256');
      const printed = openssl('pkcs7', '-in', 'ours', '-inform', form, '-print_certs');
      expect(printed.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    }
    await write('pkcs8', 'ec-p384', passphrase);
    expect(openssl('pkcs8', '-in', 'ours', '-passin', `pass:${passphrase}`)).toBe(
      bundles['ec-p384'].privateKey,
    );
    await write('sec1', 'ec-p256');
    openssl('ec', '-in', 'ours', '-check', '-noout');
    await write('pkcs1', 'rsa-2048');
    openssl('rsa', '-in', 'ours', '-check', '-noout');
    await write('der', 'rsa-2048');
    expect(openssl('x509', '-inform', 'DER', '-in', 'ours', '-noout', '-subject')).toMatch(
      /a\.test/,
    );
  });
  it('writes formats that are read', async () => {
    const { chain, privateKey } = bundles['ec-p256'];
    writeFileSync(join(folder, 'chain.pem'), chain);
    writeFileSync(join(folder, 'key.pem'), privateKey);
    for (const [bundle, ...command] of [
      [{ chain }, 'crl2pkcs7', '-nocrl', '-certfile', 'chain.pem'],
      [{ chain }, 'crl2pkcs7', '-nocrl', '-certfile', 'chain.pem', '-outform', 'DER'],
      [{ privateKey }, 'ec', '-in', 'key.pem'],
      [{ privateKey }, 'ec', '-in', 'key.pem', '-outform', 'DER'],
      [{ privateKey }, 'ec', '-in', 'key.pem', '-aes256', '-passout', `pass:${passphrase}`],
      [{ privateKey }, 'pkcs8', '-topk8', '-in', 'key.pem', '-passout', `pass:${passphrase}`],
      [{ privateKey }, 'pkcs8', '-topk8', '-in', 'key.pem', '-nocrypt', '-outform', 'DER'],
    ] as const) {
      openssl(...command, '-out', 'theirs');
      expect(await readBundle(readFileSync(join(folder, 'theirs')), { passphrase })).toMatchObject(
        bundle,
      );
    }
  });
});
