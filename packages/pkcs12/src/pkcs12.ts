import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import {
  type Asn1,
  bmpString,
  bmpText,
  damaged,
  elements,
  encode,
  encoding,
  explicit,
  identifierValue,
  implicitOctets,
  integer,
  members,
  nullValue,
  numberValue,
  objectIdentifier,
  octets,
  octetString,
  parse,
  readPossiblyDamaged,
  sequence,
  set,
  tagged,
  taggedOctets,
} from './asn1.ts';
import { decryptKeyInfo, encryptedKeyInfo } from './encrypted-key.ts';
import { decrypt, encrypt, type Encryption, unsupported } from './encryption.ts';
import { KeystoreError } from './errors.ts';
import {
  bmpPassphrase,
  type Hash,
  pkcs12Key,
  type WorkLimit,
  workLimit,
} from './key-derivation.ts';
import { type Random, systemRandom } from './random.ts';

const data = '1.2.840.113549.1.7.1';
const encryptedData = '1.2.840.113549.1.7.6';
const keyBag = '1.2.840.113549.1.12.10.1.1';
const shroudedKeyBag = '1.2.840.113549.1.12.10.1.2';
const certificateBag = '1.2.840.113549.1.12.10.1.3';
const safeContentsBag = '1.2.840.113549.1.12.10.1.6';
const x509Certificate = '1.2.840.113549.1.9.22.1';
const friendlyNameAttribute = '1.2.840.113549.1.9.20';
const localKeyIdAttribute = '1.2.840.113549.1.9.21';
/** Java trusts a certificate without a key only with this attribute. */
const javaTrustedAttribute = '2.16.840.1.113894.746875.1.1';
const anyExtendedKeyUsage = '2.5.29.37.0';

/** RFC 7292 §4, RFC 5754 §2 */
const macHashes: Readonly<Record<string, Hash>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const macIdentifiers = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' };

/** More than any certificate with its key and chain. */
const largestFile = 1_048_576;

/** What a PKCS#12 file is written from. */
export interface Pkcs12Contents {
  /** PKCS#8, DER. Without it, Java uses the file as a truststore. */
  readonly key?: Uint8Array | undefined;
  /** DER, the key's first. */
  readonly certificates: readonly Uint8Array[];
  /** The name that programs show; the alias in Java. */
  readonly friendlyName?: string | undefined;
}

export interface Pkcs12Options {
  readonly passphrase: string;
  /** 3DES and SHA-1, for Windows Server 2016, Java 8 and older; `false` by default. */
  readonly legacy?: boolean | undefined;
  /** Of each derivation; 100,000 by default, and 10,000 for `legacy`. */
  readonly iterations?: number | undefined;
  readonly random?: Random | undefined;
}

/** A key or a certificate of a file. */
export interface Pkcs12Entry {
  /** PKCS#8, or the certificate. */
  readonly der: Uint8Array;
  readonly friendlyName: string | undefined;
  /** Joins a key and its certificate; lower-case hexadecimal. */
  readonly localKeyId: string | undefined;
}

/** The contents of a PKCS#12 file, in its order. */
export interface Pkcs12File {
  readonly keys: readonly Pkcs12Entry[];
  readonly certificates: readonly Pkcs12Entry[];
}

/**
 * Writes a PKCS#12 file: PBES2 with AES-256-CBC and PBKDF2-HMAC-SHA-256, and a MAC with SHA-256. RFC
 * 7292
 * @throws KeystoreError `ERR_KEYSTORE_ITERATIONS`
 */
export async function writePkcs12(
  { key, certificates, friendlyName }: Pkcs12Contents,
  {
    passphrase,
    legacy = false,
    iterations = legacy ? 10_000 : 100_000,
    random = systemRandom,
  }: Pkcs12Options,
): Promise<Uint8Array> {
  const strength = legacy ? 'legacy' : 'strong';
  const encryption = { passphrase, strength, iterations, random, limit: workLimit() } as const;
  const [leaf] = certificates;
  const localKeyId = key && leaf && createHash('sha1').update(leaf).digest();
  const attributes = attributeSet({ friendlyName, localKeyId });
  const certificateBags = certificates.map((der, index) => {
    if (!key) return certificateBagOf(der, attributeSet({ friendlyName, isTrusted: true }, index));
    return certificateBagOf(der, index === 0 ? attributes : undefined);
  });
  const safes: Asn1[] = [];
  if (certificateBags.length > 0)
    safes.push(await encryptedSafe(encode(sequence(...certificateBags)), encryption));
  if (key) {
    const shrouded = parse(await encryptedKeyInfo(key, encryption));
    const bag = safeBag(shroudedKeyBag, shrouded, attributes);
    safes.push(contentInfo(data, octetString(encode(sequence(bag)))));
  }
  const contents = encode(sequence(...safes));
  return encode(
    sequence(
      numberValue(3),
      contentInfo(data, octetString(contents)),
      await macOf(contents, encryption),
    ),
  );
}

function contentInfo(type: string, content: Asn1): Asn1 {
  return sequence(identifierValue(type), tagged(0, content));
}

function safeBag(type: string, value: Asn1, attributes: Asn1 | undefined): Asn1 {
  return sequence(
    identifierValue(type),
    tagged(0, value),
    ...(attributes === undefined ? [] : [attributes]),
  );
}

function certificateBagOf(der: Uint8Array, attributes: Asn1 | undefined): Asn1 {
  const value = sequence(identifierValue(x509Certificate), tagged(0, octetString(der)));
  return safeBag(certificateBag, value, attributes);
}

/** @param index numbers the names of several certificates: Java keeps only one of each name */
function attributeSet(
  {
    friendlyName,
    localKeyId,
    isTrusted = false,
  }: {
    readonly friendlyName?: string | undefined;
    readonly localKeyId?: Uint8Array | undefined;
    readonly isTrusted?: boolean;
  },
  index = 0,
): Asn1 | undefined {
  const attributes = [
    ...(friendlyName === undefined
      ? []
      : [
          attribute(
            friendlyNameAttribute,
            bmpString(index === 0 ? friendlyName : `${friendlyName}-${index + 1}`),
          ),
        ]),
    ...(localKeyId ? [attribute(localKeyIdAttribute, octetString(localKeyId))] : []),
    ...(isTrusted ? [attribute(javaTrustedAttribute, identifierValue(anyExtendedKeyUsage))] : []),
  ];
  return attributes.length === 0 ? undefined : set(...attributes);
}

function attribute(type: string, value: Asn1): Asn1 {
  return sequence(identifierValue(type), set(value));
}

/** EncryptedData of CMS. RFC 5652 §8 */
async function encryptedSafe(contents: Uint8Array, encryption: Encryption): Promise<Asn1> {
  const { algorithm, encrypted } = await encrypt(contents, encryption);
  const content = sequence(identifierValue(data), algorithm, taggedOctets(0, encrypted));
  return contentInfo(encryptedData, sequence(numberValue(0), content));
}

async function macOf(
  contents: Uint8Array,
  { passphrase, strength, iterations, random, limit }: Encryption,
): Promise<Asn1> {
  const hash = strength === 'legacy' ? 'sha1' : 'sha256';
  const salt = random(16);
  const derivation = { hash, salt, iterations } as const;
  const digest = await macDigest(contents, { passphrase, derivation, limit });
  return sequence(
    sequence(sequence(identifierValue(macIdentifiers[hash]), nullValue()), octetString(digest)),
    octetString(salt),
    numberValue(iterations),
  );
}

async function macDigest(
  contents: Uint8Array,
  {
    passphrase,
    derivation,
    limit,
  }: {
    readonly passphrase: string;
    readonly derivation: Parameters<typeof pkcs12Key>[1];
    readonly limit: WorkLimit;
  },
): Promise<Buffer> {
  const { hash } = derivation;
  const length = createHash(hash).digest().length;
  const secret = bmpPassphrase(passphrase);
  const key = await pkcs12Key(secret, derivation, { purpose: 'mac', length, limit });
  return createHmac(hash, key).update(contents).digest();
}

/**
 * Reads a PKCS#12 file, as OpenSSL, Java and Windows write them. Entries of other kinds, such as
 * revocation lists, are left out.
 * @param file 1 MiB at most
 * @param options `passphrase` is the empty text for a file with an empty passphrase
 * @throws KeystoreError `ERR_KEYSTORE_FORMAT`; `ERR_KEYSTORE_PASSPHRASE_MISSING`;
 * `ERR_KEYSTORE_PASSPHRASE`; `ERR_KEYSTORE_MAC` where the passphrase decrypts the contents, and the
 * MAC is not theirs; `ERR_KEYSTORE_ITERATIONS` before the work is done; `ERR_KEYSTORE_ALGORITHM`
 */
export async function readPkcs12(
  file: Uint8Array,
  { passphrase }: { readonly passphrase?: string | undefined } = {},
): Promise<Pkcs12File> {
  if (file.length > largestFile) throw damaged();
  return await readPossiblyDamaged(() => readFile(file, passphrase));
}

async function readFile(file: Uint8Array, passphrase: string | undefined): Promise<Pkcs12File> {
  const [version, authenticated, mac] = members(parse(file));
  if (integer(version) !== 3) throw damaged();
  const [type, content] = members(authenticated);
  if (objectIdentifier(type) !== data) throw unsupported('integrity by', objectIdentifier(type));
  const contents = octets(explicit(content, 0));
  const limit = workLimit();
  if (mac && passphrase === undefined) throw passphraseMissing();
  const isIntact = await hasMac(contents, mac, { passphrase: passphrase ?? '', limit });
  try {
    const entries = await entriesOf(contents, { passphrase, limit });
    if (isIntact) return entries;
  } catch (error) {
    if (isIntact || !isWrongPassphrase(error)) throw error;
  }
  if (!(await canDecrypt(contents, { passphrase, limit }))) throw wrongPassphrase();
  throw new KeystoreError(
    'ERR_KEYSTORE_MAC',
    'the passphrase decrypts the file, but its MAC is wrong: the file was changed after it was written; export it again where it was made',
  );
}

function isWrongPassphrase(error: unknown): boolean {
  return error instanceof KeystoreError && error.code === 'ERR_KEYSTORE_PASSPHRASE';
}

/** Whether the MAC is right; true where there is none. RFC 7292 §4 */
async function hasMac(
  contents: Uint8Array,
  mac: Asn1 | undefined,
  options: { readonly passphrase: string; readonly limit: WorkLimit },
): Promise<boolean> {
  if (mac === undefined) return true;
  const [digestInfo, salt, count] = members(mac);
  const [algorithm, digest] = members(digestInfo);
  const name = objectIdentifier(members(algorithm)[0]);
  const hash = macHashes[name];
  if (!hash) throw unsupported('MAC', name);
  const iterations = count === undefined ? 1 : integer(count);
  const derivation = { hash, salt: octets(salt), iterations };
  const expected = await macDigest(contents, { ...options, derivation });
  const actual = octets(digest);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

interface ReadOptions {
  readonly passphrase: string | undefined;
  readonly limit: WorkLimit;
}

async function entriesOf(contents: Uint8Array, options: ReadOptions): Promise<Pkcs12File> {
  const keys: Pkcs12Entry[] = [];
  const certificates: Pkcs12Entry[] = [];
  for (const safe of members(parse(contents)))
    for (const bag of bagsOf(parse(await openSafe(safe, options)))) {
      const [type, tag, attributes] = members(bag);
      const value = explicit(tag, 0);
      const names = namesOf(attributes);
      const kind = objectIdentifier(type);
      if (kind === keyBag) keys.push({ der: encoding(value), ...names });
      if (kind === shroudedKeyBag) keys.push({ der: await openKey(value, options), ...names });
      if (kind === certificateBag && objectIdentifier(members(value)[0]) === x509Certificate)
        certificates.push({ der: octets(explicit(members(value)[1], 0)), ...names });
    }
  return { keys, certificates };
}

/** Returns the bags of SafeContents, and of those in it. RFC 7292 §4.2.6 */
function bagsOf(safeContents: Asn1 | undefined): readonly Asn1[] {
  return members(safeContents).flatMap((bag) => {
    const [type, tag] = members(bag);
    return objectIdentifier(type) === safeContentsBag ? bagsOf(explicit(tag, 0)) : [bag];
  });
}

async function openSafe(safe: Asn1, { passphrase, limit }: ReadOptions): Promise<Uint8Array> {
  const [type, tag] = members(safe);
  const content = explicit(tag, 0);
  if (objectIdentifier(type) === data) return octets(content);
  if (objectIdentifier(type) !== encryptedData)
    throw unsupported('encryption by', objectIdentifier(type));
  if (passphrase === undefined) throw passphraseMissing();
  const [, algorithm, encrypted] = members(members(content)[1]);
  const clear = await decrypt(implicitOctets(encrypted, 0), algorithm, { passphrase, limit });
  if (clear && isSequence(clear)) return clear;
  throw wrongPassphrase();
}

async function openKey(
  value: Asn1 | undefined,
  { passphrase, limit }: ReadOptions,
): Promise<Uint8Array> {
  if (passphrase === undefined) throw passphraseMissing();
  const key = await decryptKeyInfo(encoding(value), { passphrase, limit });
  if (key) return key;
  throw wrongPassphrase();
}

function isSequence(bytes: Uint8Array): boolean {
  try {
    return members(parse(bytes)).length >= 0;
  } catch {
    return false;
  }
}

/** Whether the passphrase decrypts at least one part of a file whose MAC is wrong. */
async function canDecrypt(contents: Uint8Array, options: ReadOptions): Promise<boolean> {
  for (const safe of members(parse(contents))) {
    const isEncrypted = objectIdentifier(members(safe)[0]) !== data;
    try {
      const bags = bagsOf(parse(await openSafe(safe, options)));
      if (isEncrypted) return true;
      for (const bag of bags) {
        const [type, tag] = members(bag);
        if (objectIdentifier(type) !== shroudedKeyBag) continue;
        await openKey(explicit(tag, 0), options);
        return true;
      }
    } catch (error) {
      if (!isWrongPassphrase(error)) throw error;
    }
  }
  return false;
}

function namesOf(attributes: Asn1 | undefined): Omit<Pkcs12Entry, 'der'> {
  const values = new Map(
    (attributes === undefined ? [] : elements(attributes)).map((value) => {
      const [type, all] = members(value);
      return [objectIdentifier(type), elements(all)[0]];
    }),
  );
  const localKeyId = values.get(localKeyIdAttribute);
  return {
    friendlyName: bmpText(values.get(friendlyNameAttribute)),
    localKeyId: localKeyId && Buffer.from(octets(localKeyId)).toString('hex'),
  };
}

function passphraseMissing(): KeystoreError {
  return new KeystoreError(
    'ERR_KEYSTORE_PASSPHRASE_MISSING',
    'the file is encrypted: use its passphrase',
  );
}

function wrongPassphrase(): KeystoreError {
  return new KeystoreError(
    'ERR_KEYSTORE_PASSPHRASE',
    'the passphrase does not open the file: use the passphrase that it was written with',
  );
}
