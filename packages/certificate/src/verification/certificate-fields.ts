import { createHash } from 'node:crypto';
import {
  context,
  DerError,
  type DerValue,
  encoding,
  expectTag,
  expectWellFormed,
  explicit,
  implicit,
  members,
  optionalMembers,
  readBitString,
  readDerValue,
  readInteger,
  readObjectIdentifier,
  readOctetsOfBitString,
  readSmallInteger,
  readTime,
  tags,
} from './der-value.ts';
import { type DistinguishedName, readName } from './distinguished-name.ts';
import {
  type Extension,
  type KnownExtensions,
  readExtensionList,
  readKnownExtensions,
} from './extensions.ts';

/** An AlgorithmIdentifier. RFC 5280 §4.1.1.2 */
export interface Algorithm {
  readonly identifier: string;
  readonly parameters: DerValue | undefined;
  /** The whole value, to compare. Hexadecimal. */
  readonly encoded: string;
}

/** The fields of a certificate that verification needs. RFC 5280 §4.1 */
export interface CertificateFields {
  readonly der: Uint8Array;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** What the issuer has signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly signatureAlgorithm: Algorithm;
  /** The algorithm as the signed part names it. */
  readonly signedAlgorithm: Algorithm;
  /** 1, 2 or 3. */
  readonly version: number;
  /** In two's complement. */
  readonly serialNumber: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly keyAlgorithm: Algorithm;
  /** The bits of the key itself. */
  readonly keyBits: Uint8Array;
  readonly extensions: readonly Extension[];
  readonly known: KnownExtensions;
}

/**
 * Reads the fields of a certificate in strict DER.
 * @throws DerError when it is not a well-formed certificate
 */
export function readCertificateFields(der: Uint8Array): CertificateFields {
  const [signed, algorithm, signature, ...rest] = members(readDerValue(der, tags.sequence));
  if (!signed || !algorithm || !signature || rest.length > 0)
    throw new DerError('a certificate has exactly three members');
  return {
    der,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    signed: encoding(signed),
    signature: readOctetsOfBitString(signature),
    signatureAlgorithm: readAlgorithm(algorithm),
    ...readSignedFields(expectTag(signed, tags.sequence)),
  };
}

function readSignedFields(signed: DerValue) {
  const fields = [...members(signed)];
  const next = (what: string): DerValue => {
    const field = fields.shift();
    if (!field) throw new DerError(`the ${what} is missing`);
    return field;
  };
  const hasVersion = fields[0]?.tag === context(0, { constructed: true });
  const version = hasVersion ? readVersion(next('version')) : 1;
  const serialNumber = readInteger(next('serial number'));
  const signedAlgorithm = readAlgorithm(next('signature algorithm'));
  const issuer = readName(next('issuer'));
  const [notBefore, notAfter, ...furtherTimes] = members(
    expectTag(next('validity'), tags.sequence),
  );
  if (!notBefore || !notAfter || furtherTimes.length > 0)
    throw new DerError('the validity does not have two times');
  const subject = readName(next('subject'));
  const publicKey = next('public key');
  const extensions = readExtensions(fields, version);
  return {
    version,
    serialNumber,
    signedAlgorithm,
    issuer,
    subject,
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    publicKey: encoding(publicKey),
    ...readPublicKey(publicKey),
    extensions,
    known: readKnownExtensions(extensions),
  };
}

function readVersion(value: DerValue): number {
  const version = readSmallInteger(explicit(value)) + 1;
  if (version > 3) throw new DerError(`the version ${version} does not exist`);
  return version;
}

/** Reads an AlgorithmIdentifier. */
export function readAlgorithm(value: DerValue): Algorithm {
  const [identifier, parameters, ...rest] = members(expectTag(value, tags.sequence));
  if (!identifier || rest.length > 0)
    throw new DerError('an algorithm does not have one or two members');
  if (parameters) expectWellFormed(parameters);
  return {
    identifier: readObjectIdentifier(identifier),
    parameters,
    encoded: Buffer.from(encoding(value)).toString('hex'),
  };
}

function readPublicKey(value: DerValue) {
  const [algorithm, bits, ...rest] = members(expectTag(value, tags.sequence));
  if (!algorithm || !bits || rest.length > 0)
    throw new DerError('the public key does not have two members');
  return { keyAlgorithm: readAlgorithm(algorithm), keyBits: readOctetsOfBitString(bits) };
}

/**
 * Reads what follows the public key: two unique identifiers, of which only the form matters, and
 * extensions. RFC 5280 §4.1.2.8
 */
function readExtensions(fields: readonly DerValue[], version: number): readonly Extension[] {
  const [issuerIdentifier, subjectIdentifier, wrapper] = optionalMembers(
    fields,
    context(1),
    context(2),
    context(3, { constructed: true }),
  );
  for (const identifier of [issuerIdentifier, subjectIdentifier]) {
    if (!identifier) continue;
    readBitString(implicit(identifier, tags.bitString));
    if (version === 1) throw new DerError('a certificate of version 1 has a unique identifier');
  }
  return wrapper ? readExtensionList(wrapper) : [];
}

/** Returns whether issuer and subject have the same name. RFC 5280 §3.2 */
export function isSelfIssued({ issuer, subject }: CertificateFields): boolean {
  return issuer.key === subject.key;
}

/** Returns the serial number as a person reads it. */
export function serialText({ serialNumber }: Pick<CertificateFields, 'serialNumber'>): string {
  return Buffer.from(serialNumber)
    .toString('hex')
    .replace(/^(?:00)+(?=.)/, '');
}
