import { type KeyObject, verify } from 'node:crypto';
import { type AlternativeNames, alternativeNames, requestedExtensions } from '@acmex/certificate';
import {
  context,
  DerError,
  type DerValue,
  encoding,
  expectTag,
  expectWellFormed,
  members,
  optionalMembers,
  readAlgorithm,
  readDerValue,
  readGeneralName,
  readKnownExtensions,
  readObjectIdentifier,
  readOctetsOfBitString,
  readSmallInteger,
  readText,
  tags,
} from '@acmex/certificate/structure';
import { keyOfSpki } from './public-key.ts';

/** The contents of a certificate signing request, not checked. RFC 2986 */
export interface ReadCsr {
  readonly key: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly commonNames: readonly string[];
  readonly extensions: readonly { readonly oid: string; readonly critical: boolean }[];
  /** Undefined without subjectAltName. */
  readonly alternativeNames: AlternativeNames | undefined;
  readonly ca: boolean;
  readonly mustStaple: boolean;
  /** Whether who made it has the key. */
  isSigned(): boolean;
}

const oids = {
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
};
/**
 * Which type of key signs with which hash: none of SHA-1. RFC 5758 §3.2, RFC 4055 §5, RFC 8410 §3
 */
const signatures: Readonly<Record<string, readonly [type: string, hash: string | null]>> = {
  '1.2.840.10045.4.3.2': ['ec', 'sha256'],
  '1.2.840.10045.4.3.3': ['ec', 'sha384'],
  '1.2.840.10045.4.3.4': ['ec', 'sha512'],
  '1.2.840.113549.1.1.11': ['rsa', 'sha256'],
  '1.2.840.113549.1.1.12': ['rsa', 'sha384'],
  '1.2.840.113549.1.1.13': ['rsa', 'sha512'],
  '1.3.101.112': ['ed25519', null],
};

/**
 * Reads a request in strict DER.
 * @throws Error of any kind for an invalid request
 */
export function readCsr(der: Uint8Array): ReadCsr {
  const [info, algorithm, signature, ...rest] = members(
    expectWellFormed(readDerValue(der, tags.sequence)),
  );
  if (!info || !algorithm || !signature || rest.length > 0)
    throw new DerError('a request does not have three members');
  const { subject, publicKey, attributes } = readInfo(info);
  const key = keyOfSpki(publicKey);
  if (!key) throw new RangeError('there is no public key in it');
  const extensions = requestedExtensions(attributes);
  const extension = (oid: string) => extensions.find(({ identifier }) => identifier === oid);
  const names = extension(oids.subjectAltName);
  const constraints = extension(oids.basicConstraints);
  const features = extension(oids.tlsFeature);
  const { identifier: signatureAlgorithm } = readAlgorithm(algorithm);
  const signatureBits = readOctetsOfBitString(signature);
  return {
    key,
    publicKey,
    commonNames: readCommonNames(subject),
    extensions: extensions.map(({ identifier, isCritical }) => ({
      oid: identifier,
      critical: isCritical,
    })),
    alternativeNames: names && readAlternativeNames(names.value),
    ca:
      constraints !== undefined &&
      readKnownExtensions([constraints]).basicConstraints?.isCa === true,
    // SEQUENCE OF INTEGER, with 5 (status_request) among them. RFC 7633 §4
    mustStaple:
      features !== undefined &&
      Buffer.from(features.value)
        .subarray(2)
        .includes(Buffer.of(2, 1, 5)),
    isSigned() {
      const [type, hash = null] = signatures[signatureAlgorithm] ?? [];
      return key.asymmetricKeyType === type && verify(hash, encoding(info), key, signatureBits);
    },
  };
}

/** Reads a CertificationRequestInfo. RFC 2986 §4.1 */
function readInfo(info: DerValue) {
  const [version, subject, publicKey, ...optional] = members(expectTag(info, tags.sequence));
  if (!version || !subject || !publicKey)
    throw new DerError('the version, the subject or the public key is missing');
  // "It SHALL be 0 for this version of the standard."
  if (readSmallInteger(version) !== 0) throw new RangeError('the version of the request is not 1');
  const [attributes] = optionalMembers(optional, context(0, { constructed: true }));
  return {
    subject,
    publicKey: encoding(expectTag(publicKey, tags.sequence)),
    attributes: attributes ? members(attributes).map(readAttribute) : [],
  };
}

/** Reads an Attribute, whose values are a SET. RFC 2986 §4.1 */
function readAttribute(value: DerValue) {
  const [type, values, ...rest] = members(expectTag(value, tags.sequence));
  if (!type || !values || rest.length > 0)
    throw new DerError('an attribute does not have a type and values');
  return {
    type: readObjectIdentifier(type),
    values: members(expectTag(values, tags.set)).map(encoding),
  };
}

/** Reads those of a Name, whatever other attributes it has. RFC 5280 §4.1.2.4 */
function readCommonNames(subject: DerValue): readonly string[] {
  return members(expectTag(subject, tags.sequence))
    .flatMap((relativeName) => members(expectTag(relativeName, tags.set)))
    .map((attribute) => members(expectTag(attribute, tags.sequence)))
    .flatMap(([type, value, ...rest]) => {
      if (!type || !value || rest.length > 0)
        throw new DerError('an attribute of a name is not a type and a value');
      if (readObjectIdentifier(type) !== oids.commonName) return [];
      const text = readText(value);
      if (text === undefined) throw new DerError('a common name is not a text');
      return [text];
    });
}

/** Reads GeneralNames, also an empty list. RFC 5280 §4.2.1.6 */
function readAlternativeNames(value: Uint8Array): AlternativeNames {
  return alternativeNames(members(readDerValue(value, tags.sequence)).map(readGeneralName));
}
