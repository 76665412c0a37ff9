import { createHmac, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { encryptPrivateKey, type Random, writeJks, writePkcs12 } from '@acmex/pkcs12';
import { type CertificateInfo, parseChain } from '../certificate-info.ts';
import { CertificateError } from '../errors.ts';
import { readPrivateKey } from '../key-object.ts';
import { toPem } from '../pem.ts';
import { isKeyReference, storedPem } from '../private-key.ts';
import { type BundleFormat, bundleFormats } from './bundle-formats.ts';
import { writePkcs7 } from './pkcs7.ts';

/** A certificate with its chain and its key, as this software stores them. */
export interface CertificateBundle {
  /** PEM, the leaf first; empty for a key alone. */
  readonly chain: string;
  /** PKCS#8, PEM, not encrypted. */
  readonly privateKey?: string | undefined;
}

export interface ExportRequest extends CertificateBundle {
  readonly format: BundleFormat;
  /** Encrypts the file, or the key in it. */
  readonly passphrase?: string | undefined;
  /** The friendly name of PKCS#12 and the alias of Java; the certificate's first name by default. */
  readonly name?: string | undefined;
  /**
   * `derived`: salts are derived from the private key, so that the same input gives the same bytes;
   * without the key they cannot be predicted. They are random where there is no key. `random` by
   * default.
   */
  readonly salts?: 'random' | 'derived' | undefined;
}

/**
 * Writes a certificate, its chain and its key in a format; entries of Java keystores have the first
 * day of the certificate as their date.
 * @throws CertificateError `ERR_BUNDLE_INCOMPLETE` for a format that holds more than there is,
 * `ERR_BUNDLE_KEY`, `ERR_BUNDLE_PASSPHRASE`; `ERR_KEY_TYPE` for `pkcs1` without an RSA key and
 * `sec1` without an EC key; `ERR_KEY_NOT_EXPORTABLE`; those of `parseChain`
 */
export async function exportBundle(request: ExportRequest): Promise<Uint8Array> {
  const { format, passphrase } = request;
  assertPassphrase(format, passphrase);
  const traits = bundleFormats[format];
  const certificates = traits.hasCertificate ? certificatesOf(request) : [];
  const key = traits.hasKey ? keyOf(request) : undefined;
  const [leaf] = certificates;
  if (key && leaf) assertPair(key, leaf);
  const clear = key?.export({ format: 'der', type: 'pkcs8' }) ?? Buffer.alloc(0);
  try {
    return await writers[format]({
      certificates,
      key,
      clear,
      passphrase: passphrase ?? '',
      name: request.name ?? leaf?.identifiers[0]?.value ?? 'certificate',
      random: request.salts === 'derived' ? derivedRandom(request) : randomBytes,
    });
  } finally {
    clear.fill(0);
  }
}

/** What a writer writes; it is checked, so that nothing is missing that the format holds. */
interface Contents {
  readonly certificates: readonly CertificateInfo[];
  readonly key: KeyObject | undefined;
  /** The key as PKCS#8, DER; empty for a format without it. */
  readonly clear: Buffer;
  readonly passphrase: string;
  readonly name: string;
  readonly random: Random;
}

type Writer = (contents: Contents) => Uint8Array | Promise<Uint8Array>;

const writers: Readonly<Record<BundleFormat, Writer>> = {
  pem: ({ certificates }) => pemOf(certificates),
  leaf: ({ certificates }) => pemOf(certificates.slice(0, 1)),
  chain: ({ certificates }) => pemOf(certificates.slice(1)),
  combined: async (contents) =>
    Buffer.concat([await keyPem(contents), pemOf(contents.certificates)]),
  der: ({ certificates }) => Uint8Array.from(certificates[0]?.der ?? []),
  pkcs7: ({ certificates }) => toPem('PKCS7', writePkcs7(derOf(certificates))),
  'pkcs7-der': ({ certificates }) => writePkcs7(derOf(certificates)),
  pkcs8: keyPem,
  'pkcs8-der': async (contents) =>
    contents.passphrase === ''
      ? Uint8Array.from(contents.clear)
      : await encryptPrivateKey(contents.clear, contents),
  pkcs1: ({ key }) => traditionalKey(key, 'rsa', 'pkcs1'),
  sec1: ({ key }) => traditionalKey(key, 'ec', 'sec1'),
  pkcs12: async (contents) => await pkcs12(contents, { legacy: false }),
  'pkcs12-legacy': async (contents) => await pkcs12(contents, { legacy: true }),
  'pkcs12-truststore': async ({ certificates, name, passphrase, random }) =>
    await writePkcs12(
      { certificates: derOf(authoritiesOf(certificates)), friendlyName: name },
      { passphrase, random },
    ),
  jks: ({ certificates, clear, name, passphrase, random }) =>
    writeJks(
      [
        {
          alias: name,
          createdAtMs: certificates[0]?.notBefore.epochMilliseconds ?? 0,
          key: clear,
          certificates: derOf(certificates),
        },
      ],
      { passphrase, random },
    ),
  'jks-truststore': ({ certificates, name, passphrase }) =>
    writeJks(
      authoritiesOf(certificates).map(({ der, notBefore }, index) => ({
        alias: index === 0 ? name : `${name}-${index + 1}`,
        createdAtMs: notBefore.epochMilliseconds,
        certificate: der,
      })),
      { passphrase },
    ),
};

function pemOf(certificates: readonly CertificateInfo[]): Uint8Array {
  return Buffer.from(certificates.map(({ pem }) => pem).join(''));
}

function derOf(certificates: readonly CertificateInfo[]): readonly Uint8Array[] {
  return certificates.map(({ der }) => der);
}

/** Returns the certificates of CAs; all, where none is a CA's. */
function authoritiesOf(certificates: readonly CertificateInfo[]): readonly CertificateInfo[] {
  const authorities = certificates.filter(({ isCa }) => isCa);
  return authorities.length > 0 ? authorities : certificates;
}

async function keyPem({ clear, passphrase, random }: Contents): Promise<Uint8Array> {
  if (passphrase === '') return toPem('PRIVATE KEY', clear);
  const encrypted = await encryptPrivateKey(clear, { passphrase, random });
  return toPem('ENCRYPTED PRIVATE KEY', encrypted);
}

async function pkcs12(
  { certificates, clear, name, passphrase, random }: Contents,
  { legacy }: { readonly legacy: boolean },
): Promise<Uint8Array> {
  return await writePkcs12(
    { key: clear, certificates: derOf(certificates), friendlyName: name },
    { passphrase, legacy, random },
  );
}

/** @throws CertificateError `ERR_KEY_TYPE` */
function traditionalKey(
  key: KeyObject | undefined,
  algorithm: 'rsa' | 'ec',
  type: 'pkcs1' | 'sec1',
): Uint8Array {
  if (key?.asymmetricKeyType !== algorithm)
    throw new CertificateError(
      'ERR_KEY_TYPE',
      `the format ${type} is for ${algorithm.toUpperCase()} keys, and this is a key of type ${key?.asymmetricKeyType}: use pkcs8`,
    );
  return toPem(`${algorithm.toUpperCase()} PRIVATE KEY`, key.export({ format: 'der', type }));
}

/** @throws CertificateError `ERR_BUNDLE_PASSPHRASE` */
function assertPassphrase(format: BundleFormat, passphrase: string | undefined): void {
  const { passphrase: need } = bundleFormats[format];
  if (need === 'required' && (passphrase ?? '') === '')
    throw new CertificateError(
      'ERR_BUNDLE_PASSPHRASE',
      `the format ${format} needs a passphrase, and there is none: use a passphrase`,
    );
  if (need === 'none' && passphrase !== undefined)
    throw new CertificateError(
      'ERR_BUNDLE_PASSPHRASE',
      `the format ${format} cannot be encrypted: leave the passphrase out, or use pkcs8 or pkcs12`,
    );
  if (passphrase === '')
    throw new CertificateError(
      'ERR_BUNDLE_PASSPHRASE',
      'the passphrase is empty: use a longer text',
    );
}

function certificatesOf({ chain, format }: ExportRequest): readonly CertificateInfo[] {
  const certificates = chain === '' ? [] : parseChain(chain);
  if (certificates.length > 0) return certificates;
  throw new CertificateError(
    'ERR_BUNDLE_INCOMPLETE',
    `the format ${format} needs a certificate, and there is only a key: use pkcs8, or add the certificate`,
  );
}

function keyOf({ privateKey, format }: ExportRequest): KeyObject {
  if (privateKey === undefined)
    throw new CertificateError(
      'ERR_BUNDLE_INCOMPLETE',
      `the format ${format} needs the private key, and there is none: add it, or use a format without it`,
    );
  return readPrivateKey(Buffer.from(storedPem(privateKey, 'the private key'))).key;
}

function assertPair(key: KeyObject, { publicKey, subject }: CertificateInfo): void {
  const expected = createPublicKey(key).export({ format: 'der', type: 'spki' });
  if (expected.equals(publicKey)) return;
  throw new CertificateError(
    'ERR_BUNDLE_KEY',
    `the private key is not that of the first certificate, ${JSON.stringify(subject)}: use the key that belongs to it`,
  );
}

/**
 * Returns bytes that depend on the private key, and on everything that the file is made from; random
 * ones without the key, because the salts would show whether a passphrase is right.
 */
function derivedRandom({ privateKey, format, chain, passphrase, name }: ExportRequest): Random {
  if (privateKey === undefined || isKeyReference(privateKey)) return randomBytes;
  const key = createHmac('sha256', privateKey).update('salts of a bundle').digest();
  const context = JSON.stringify([format, chain, passphrase, name]);
  let count = 0;
  return (length) => {
    count += 1;
    const bytes = createHmac('sha512', key).update(`${count} ${context}`).digest();
    return bytes.subarray(0, length);
  };
}
