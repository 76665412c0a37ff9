import { createPrivateKey, createPublicKey } from 'node:crypto';
import { decryptPrivateKey, isJks, readJks, readPkcs12 } from '@acmex/pkcs12';
import { type CertificateInfo, parseCertificate } from '../certificate-info.ts';
import { CertificateError } from '../errors.ts';
import { readPrivateKey } from '../key-object.ts';
import { fromPem, largestText, toPem } from '../pem.ts';
import { type DerValue, members, readDerValue, tags } from '../verification/der-value.ts';
import type { CertificateBundle } from './export-bundle.ts';
import { readPkcs7 } from './pkcs7.ts';

/** What a file holds. */
export interface ReadBundle extends CertificateBundle {
  /** As people call it: `PKCS#12`. */
  readonly format: 'PEM' | 'DER' | 'PKCS#7' | 'PKCS#8' | 'PKCS#1' | 'SEC1' | 'PKCS#12' | 'JKS';
}

export interface ReadBundleOptions {
  readonly passphrase?: string | undefined;
}

/** What a file holds before it is put in order. */
interface Contents {
  readonly format: ReadBundle['format'];
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  /** PKCS#8, DER. */
  readonly keys: readonly Uint8Array[];
}

/**
 * Reads certificates and a private key of any format: PEM, DER, PKCS#7, PKCS#8 (also encrypted),
 * PKCS#1, SEC1, PKCS#12 and Java keystores. Certificates that are there twice are read once; the
 * certificate of the key is the first, and its issuers follow.
 * @param bytes 1 MiB at most
 * @throws CertificateError `ERR_BUNDLE_FORMAT`, `ERR_BUNDLE_SEVERAL`; the errors of keys and of
 * certificates; KeystoreError
 */
export async function readBundle(
  bytes: Uint8Array,
  options: ReadBundleOptions = {},
): Promise<ReadBundle> {
  if (bytes.length > largestText)
    throw new CertificateError(
      'ERR_BUNDLE_FORMAT',
      'the file is larger than 1 MiB, and so than any certificate with its chain and key',
    );
  const { format, certificates, keys } = await read(bytes, options);
  if (keys.length > 1)
    throw new CertificateError(
      'ERR_BUNDLE_SEVERAL',
      `the file has ${keys.length} private keys: export each to a file of its own`,
    );
  if (keys.length + certificates.length === 0) throw unknownFormat();
  const [key] = keys;
  const privateKey = key && readPrivateKey(toPem('PRIVATE KEY', key)).key;
  const publicKey =
    privateKey && createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const chain = inOrder(certificates.map(parseCertificate), publicKey);
  return {
    format,
    chain: chain.map(({ pem }) => pem).join(''),
    ...(privateKey && {
      privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    }),
  };
}

async function read(bytes: Uint8Array, options: ReadBundleOptions): Promise<Contents> {
  if (isJks(bytes)) return readKeystore(bytes, options);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (text.includes('-----BEGIN ')) return await readPem(text, options);
  if (bytes[0] !== tags.sequence) throw unknownFormat();
  // A length that is not stated is BER, in which some programs write PKCS#12.
  const format = bytes[1] === 0x80 ? 'PKCS#12' : formatOf(bytes);
  return { format: publicFormat(format), ...(await readDer(bytes, format, options)) };
}

type DerFormat = ReadBundle['format'] | 'encrypted PKCS#8';

function publicFormat(format: DerFormat): ReadBundle['format'] {
  return format === 'encrypted PKCS#8' ? 'PKCS#8' : format;
}

/** Recognizes DER by the tags of its first values. */
function formatOf(bytes: Uint8Array): DerFormat {
  const [first, second, third] = valuesIn(bytes);
  if (first?.tag === tags.objectIdentifier) return 'PKCS#7';
  if (first?.tag === tags.integer) {
    if (second?.tag === tags.octetString) return 'SEC1';
    if (second?.tag === tags.integer) return 'PKCS#1';
    return third?.tag === tags.octetString ? 'PKCS#8' : 'PKCS#12';
  }
  if (second?.tag === tags.octetString) return 'encrypted PKCS#8';
  if (third?.tag === tags.bitString) return 'DER';
  throw unknownFormat();
}

function valuesIn(bytes: Uint8Array): readonly DerValue[] {
  try {
    return members(readDerValue(bytes, tags.sequence));
  } catch (cause) {
    throw unknownFormat(cause);
  }
}

async function readDer(
  der: Uint8Array,
  format: DerFormat,
  { passphrase }: ReadBundleOptions,
): Promise<Omit<Contents, 'format'>> {
  switch (format) {
    case 'PKCS#12': {
      const { keys, certificates } = await readPkcs12(der, { passphrase });
      return {
        keys: keys.map((entry) => entry.der),
        certificates: certificates.map((entry) => entry.der),
      };
    }
    case 'PKCS#7':
      return { keys: [], certificates: pkcs7(der) };
    case 'encrypted PKCS#8':
      return { keys: [await decrypted(der, passphrase)], certificates: [] };
    case 'PKCS#8':
    case 'PKCS#1':
    case 'SEC1':
      return { keys: [pkcs8Of(der, format)], certificates: [] };
    default:
      return { keys: [], certificates: [der] };
  }
}

function pkcs7(der: Uint8Array): readonly Uint8Array[] {
  try {
    return readPkcs7(der);
  } catch (cause) {
    throw new CertificateError(
      'ERR_BUNDLE_FORMAT',
      'the PKCS#7 file is damaged, or holds no certificates: export it again where it was made',
      { cause },
    );
  }
}

async function decrypted(der: Uint8Array, passphrase: string | undefined): Promise<Uint8Array> {
  if (passphrase === undefined)
    throw new CertificateError(
      'ERR_KEY_PASSPHRASE_MISSING',
      'the key is encrypted: use its passphrase',
    );
  return await decryptPrivateKey(der, { passphrase });
}

function pkcs8Of(der: Uint8Array, format: 'PKCS#8' | 'PKCS#1' | 'SEC1'): Uint8Array {
  const type = ({ 'PKCS#8': 'pkcs8', 'PKCS#1': 'pkcs1', SEC1: 'sec1' } as const)[format];
  try {
    const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type });
    return key.export({ format: 'der', type: 'pkcs8' });
  } catch {
    // What OpenSSL says depends on its version, and may quote the input: it is not passed on.
    throw new CertificateError(
      'ERR_KEY_FORMAT',
      `the ${format} key is damaged: take it from where it was made`,
    );
  }
}

async function readPem(text: string, options: ReadBundleOptions): Promise<Contents> {
  const keys: Uint8Array[] = [];
  const certificates = [...blocks(text, /^(X509 |TRUSTED )?CERTIFICATE$/)];
  const signed = blocks(text, /^(PKCS7|CMS|PKCS #7 SIGNED DATA)$/);
  for (const der of signed) certificates.push(...pkcs7(der));
  for (const der of blocks(text, /^ENCRYPTED PRIVATE KEY$/))
    keys.push(await decrypted(der, options.passphrase));
  for (const block of keyBlocks(text)) {
    const { key } = readPrivateKey(Buffer.from(block), options.passphrase);
    keys.push(key.export({ format: 'der', type: 'pkcs8' }));
  }
  const format = signed.length > 0 && keys.length === 0 ? 'PKCS#7' : 'PEM';
  return { format, certificates, keys };
}

/** Returns each key block with its label: an old one says in its headers how it is encrypted. */
function keyBlocks(text: string): readonly string[] {
  return (
    text.match(/-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----(?:[^-]|-(?!----))*-----END \1-----/g) ??
    []
  );
}

function blocks(text: string, label: RegExp): readonly Uint8Array[] {
  return fromPem(text, label).map((der) => {
    if (der) return der;
    throw new CertificateError(
      'ERR_BUNDLE_FORMAT',
      'a PEM block of the file does not end, or is not base64: get the file again',
    );
  });
}

function readKeystore(bytes: Uint8Array, { passphrase }: ReadBundleOptions): Contents {
  const entries = readJks(bytes, { passphrase });
  return {
    format: 'JKS',
    keys: entries.flatMap((entry) => ('key' in entry ? [entry.key] : [])),
    certificates: entries.flatMap((entry) =>
      'key' in entry ? entry.certificates : [entry.certificate],
    ),
  };
}

/** Puts the certificate of the key first, or else the first that is not a CA's, then its issuers. */
function inOrder(
  received: readonly CertificateInfo[],
  publicKey: Buffer | undefined,
): readonly CertificateInfo[] {
  const certificates = received.filter(
    ({ fingerprint }, index) =>
      received.findIndex((entry) => entry.fingerprint === fingerprint) === index,
  );
  const leaf =
    certificates.find((entry) => publicKey?.equals(entry.publicKey)) ??
    certificates.find(({ isCa }) => !isCa);
  if (!leaf) return certificates;
  const path = [leaf];
  for (let next = issuerOf(leaf); next !== undefined; next = issuerOf(next)) path.push(next);
  return [...path, ...certificates.filter((entry) => !path.includes(entry))];

  function issuerOf({ issuer }: CertificateInfo): CertificateInfo | undefined {
    return certificates.find((entry) => entry.subject === issuer && !path.includes(entry));
  }
}

function unknownFormat(cause?: unknown): CertificateError {
  return new CertificateError(
    'ERR_BUNDLE_FORMAT',
    'the file is not of a known format, or damaged: use PEM, DER, PKCS#7, PKCS#8, PKCS#12 or a Java keystore',
    { cause },
  );
}
