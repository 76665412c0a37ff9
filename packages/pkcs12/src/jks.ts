import { createHash, timingSafeEqual } from 'node:crypto';
import {
  damaged,
  encode,
  identifierValue,
  members,
  nullValue,
  objectIdentifier,
  octets,
  octetString,
  parse,
  sequence,
} from './asn1.ts';
import { unsupported } from './encryption.ts';
import { KeystoreError } from './errors.ts';
import { type Random, systemRandom } from './random.ts';

const magic = 0xfeedfeed;
const jceksMagic = 0xcececece;
const version = 2;
const keyTag = 1;
const certificateTag = 2;
/** The scheme of Sun for keys: its object identifier has no other use. */
const sunKeyProtector = '1.3.6.1.4.1.42.2.17.1.1';
const digestLength = 20;
const saltLength = 20;
/** What every JKS file hashes between its passphrase and its bytes. */
const whitener = 'Mighty Aphrodite';
const largestFile = 1_048_576;

/** An entry of a Java keystore: a key with its chain, or a certificate that is trusted. */
export type JksEntry = JksKeyEntry | JksCertificateEntry;

interface NamedEntry {
  /** Lower-case: Java does not distinguish the case of letters. */
  readonly alias: string;
  /** In milliseconds since 1970. */
  readonly createdAtMs: number;
}

export interface JksKeyEntry extends NamedEntry {
  /** PKCS#8, DER. */
  readonly key: Uint8Array;
  /** DER, the key's first. */
  readonly certificates: readonly Uint8Array[];
}

export interface JksCertificateEntry extends NamedEntry {
  /** DER. */
  readonly certificate: Uint8Array;
}

/**
 * Writes a Java keystore of the old format, JKS, for Java 8 and older programs. It protects a key
 * by SHA-1 alone: prefer PKCS#12 where the program reads it.
 */
export function writeJks(
  entries: readonly JksEntry[],
  {
    passphrase,
    random = systemRandom,
  }: { readonly passphrase: string; readonly random?: Random | undefined },
): Uint8Array {
  const secret = utf16(passphrase);
  const contents = Buffer.concat([
    uint32(magic),
    uint32(version),
    uint32(entries.length),
    ...entries.flatMap((entry) => [
      uint32('key' in entry ? keyTag : certificateTag),
      utf(entry.alias.toLowerCase()),
      milliseconds(entry.createdAtMs),
      ...('key' in entry
        ? [
            counted(protectKey(entry.key, secret, random(saltLength))),
            uint32(entry.certificates.length),
            ...entry.certificates.flatMap(certificateBytes),
          ]
        : certificateBytes(entry.certificate)),
    ]),
  ]);
  return Buffer.concat([contents, fileDigest(contents, secret)]);
}

/**
 * Reads a Java keystore of the old format, JKS.
 * @param file 1 MiB at most
 * @throws KeystoreError `ERR_KEYSTORE_FORMAT`, `ERR_KEYSTORE_PASSPHRASE_MISSING`,
 * `ERR_KEYSTORE_PASSPHRASE`, `ERR_KEYSTORE_ALGORITHM`; `ERR_KEYSTORE_MAC` where the passphrase
 * opens a key, and the file was changed
 */
export function readJks(
  file: Uint8Array,
  { passphrase }: { readonly passphrase?: string | undefined } = {},
): readonly JksEntry[] {
  if (file.length > largestFile || file.length < 12 + digestLength) throw damaged();
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  if (bytes.readUInt32BE(0) === jceksMagic) throw unsupported('keystore type', 'JCEKS');
  const contents = bytes.subarray(0, -digestLength);
  const stored = storedEntries(contents);
  if (passphrase === undefined)
    throw new KeystoreError(
      'ERR_KEYSTORE_PASSPHRASE_MISSING',
      'the keystore is protected: use its passphrase',
    );
  const secret = utf16(passphrase);
  const isIntact = timingSafeEqual(fileDigest(contents, secret), bytes.subarray(-digestLength));
  const entries = stored.map((entry) => ({
    ...entry,
    ...('key' in entry ? { key: recoverKey(entry.key, secret) } : {}),
  }));
  const keys = entries.flatMap((entry) => ('key' in entry ? [entry.key] : []));
  if (isIntact && keys.every((key) => key !== undefined)) return entries as readonly JksEntry[];
  if (!isIntact && keys.some((key) => key !== undefined))
    throw new KeystoreError(
      'ERR_KEYSTORE_MAC',
      'the passphrase opens the key, but the keystore was changed after it was written: export it again where it was made',
    );
  throw new KeystoreError(
    'ERR_KEYSTORE_PASSPHRASE',
    isIntact
      ? 'a key of the keystore has a different passphrase: set both to the same, with keytool -keypasswd'
      : 'the passphrase does not open the keystore: it is wrong, or the file was changed',
  );
}

/** Whether bytes begin as a Java keystore, JKS or JCEKS. */
export function isJks(file: Uint8Array): boolean {
  return ['feedfeed', 'cececece'].includes(Buffer.from(file.subarray(0, 4)).toString('hex'));
}

/** Returns the entries, with keys as they are stored. */
function storedEntries(contents: Buffer): readonly JksEntry[] {
  const reader = byteReader(contents);
  if (reader.uint32() !== magic) throw damaged();
  if (reader.uint32() !== version) throw unsupported('version of JKS,', 'which is not 2,');
  const count = reader.uint32();
  const entries: JksEntry[] = [];
  for (let index = 0; index < count; index++) {
    const tag = reader.uint32();
    const alias = reader.text();
    const createdAtMs = reader.milliseconds();
    if (tag === certificateTag)
      entries.push({ alias, createdAtMs, certificate: readCertificate(reader) });
    else if (tag === keyTag) {
      const key = reader.counted();
      const certificates: Uint8Array[] = [];
      const length = reader.uint32();
      while (certificates.length < length) certificates.push(readCertificate(reader));
      entries.push({ alias, createdAtMs, key, certificates });
    } else throw damaged();
  }
  if (!reader.isAtEnd()) throw damaged();
  return entries;
}

type ByteReader = ReturnType<typeof byteReader>;

function byteReader(bytes: Buffer) {
  let position = 0;
  const take = (length: number) => {
    const end = position + length;
    if (end > bytes.length) throw damaged();
    const taken = bytes.subarray(position, end);
    position = end;
    return taken;
  };
  const uint32 = () => take(4).readUInt32BE();
  return {
    uint32,
    milliseconds: () => Number(take(8).readBigInt64BE()),
    counted: () => take(uint32()),
    text: () => take(take(2).readUInt16BE()).toString('utf8'),
    isAtEnd: () => position === bytes.length,
  };
}

function readCertificate(reader: ByteReader): Uint8Array {
  if (reader.text() !== 'X.509') throw damaged();
  return reader.counted();
}

function certificateBytes(der: Uint8Array): readonly Buffer[] {
  return [utf('X.509'), counted(der)];
}

/**
 * Hides a key behind a stream of SHA-1 digests, and adds the digest of the key.
 * @returns EncryptedPrivateKeyInfo
 */
function protectKey(key: Uint8Array, secret: Buffer, salt: Uint8Array): Uint8Array {
  const hidden = Buffer.concat([salt, masked(key, secret, salt), sha1(secret, key)]);
  const algorithm = sequence(identifierValue(sunKeyProtector), nullValue());
  return encode(sequence(algorithm, octetString(hidden)));
}

/** Returns the key; undefined where the passphrase is wrong. */
function recoverKey(stored: Uint8Array, secret: Buffer): Uint8Array | undefined {
  const [algorithm, bytes] = members(parse(stored));
  const name = objectIdentifier(members(algorithm)[0]);
  if (name !== sunKeyProtector) throw unsupported('key protection', name);
  const hidden = octets(bytes);
  if (hidden.length < saltLength + digestLength) throw damaged();
  const salt = hidden.subarray(0, saltLength);
  const key = masked(hidden.subarray(saltLength, -digestLength), secret, salt);
  return timingSafeEqual(sha1(secret, key), hidden.subarray(-digestLength)) ? key : undefined;
}

function masked(bytes: Uint8Array, secret: Buffer, salt: Uint8Array): Buffer {
  const result = Buffer.from(bytes);
  let mask = sha1(secret, salt);
  for (let index = 0; index < result.length; index++) {
    if (index > 0 && index % digestLength === 0) mask = sha1(secret, mask);
    result[index] = (result[index] ?? 0) ^ (mask[index % digestLength] ?? 0);
  }
  return result;
}

function fileDigest(contents: Uint8Array, secret: Buffer): Buffer {
  return sha1(secret, Buffer.from(whitener), contents);
}

function sha1(...inputs: readonly Uint8Array[]): Buffer {
  return inputs.reduce((hash, input) => hash.update(input), createHash('sha1')).digest();
}

/** Returns a passphrase as Java hashes it: UTF-16, the high byte first. */
function utf16(passphrase: string): Buffer {
  return Buffer.from(passphrase, 'utf16le').swap16();
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function milliseconds(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

function counted(bytes: Uint8Array): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function utf(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
