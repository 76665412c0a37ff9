import { createHash } from 'node:crypto';
import {
  contents,
  context,
  DerError,
  type DerValue,
  encoding,
  expectTag,
  members,
  readAlgorithm,
  readCertificateFields,
  readDerValue,
  readExtensionList,
  readInteger,
  tags,
} from '@acmex/certificate/structure';

/** The certificate that a request is about. RFC 6960 §4.1.1 */
export interface CertificateId {
  /** DER, as the response repeats it. */
  readonly encoded: Uint8Array;
  /** A hash of `node:crypto`; undefined for an unknown one. */
  readonly hash: string | undefined;
  readonly issuerName: Uint8Array;
  readonly issuerKey: Uint8Array;
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
}

export interface OcspRequest {
  readonly certificates: readonly CertificateId[];
  /** DER of the extension, as the response repeats it. RFC 9654 */
  readonly nonce: Uint8Array | undefined;
}

const nonceIdentifier = '1.3.6.1.5.5.7.48.1.2';
/** RFC 9654 §2.1 */
const longestNonce = 128;
const mostCertificates = 8;
const hashes: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/**
 * Reads an OCSP request. A signature of the requestor is ignored: everyone may know. RFC 6960 §4.1
 *
 * @throws DerError, RangeError for what is not a request, or one about more than 8 certificates
 */
export function readOcspRequest(der: Uint8Array): OcspRequest {
  const [content] = members(readDerValue(der, tags.sequence));
  if (!content) throw new DerError('the request is empty');
  const fields = members(expectTag(content, tags.sequence));
  const list = fields.find(({ tag }) => tag === tags.sequence);
  const requests = list ? members(list) : [];
  if (requests.length === 0 || requests.length > mostCertificates)
    throw new DerError(`the request is not about 1 to ${mostCertificates} certificates`);
  const wrapper = fields.find(({ tag }) => tag === context(2, { constructed: true }));
  return {
    certificates: requests.map(readCertificateId),
    nonce: wrapper && readNonce(wrapper),
  };
}

function readCertificateId(request: DerValue): CertificateId {
  const [identifier] = members(expectTag(request, tags.sequence));
  if (!identifier) throw new DerError('the request is cut off');
  const [algorithm, name, key, serial, ...more] = members(expectTag(identifier, tags.sequence));
  if (!algorithm || !name || !key || !serial || more.length > 0)
    throw new DerError('the identifier of a certificate has exactly four members');
  return {
    encoded: encoding(identifier),
    hash: hashes[readAlgorithm(algorithm).identifier],
    issuerName: contents(expectTag(name, tags.octetString)),
    issuerKey: contents(expectTag(key, tags.octetString)),
    serialNumber: Buffer.from(readInteger(serial)).toString('hex'),
  };
}

function readNonce(wrapper: DerValue): Uint8Array | undefined {
  const extensions = readExtensionList(wrapper);
  const index = extensions.findIndex(({ identifier }) => identifier === nonceIdentifier);
  const extension = extensions[index];
  if (!extension) return undefined;
  const { length } = contents(readDerValue(extension.value, tags.octetString));
  if (length === 0 || length > longestNonce)
    throw new DerError(`the nonce does not have 1 to ${longestNonce} bytes`);
  const [list] = members(wrapper);
  const value = list && members(list)[index];
  return value && encoding(value);
}

/** Whether a request is about a certificate of an issuer. */
export function isOfIssuer(
  { hash, issuerName, issuerKey }: CertificateId,
  issuerCertificate: Uint8Array,
): boolean {
  if (hash === undefined) return false;
  const { subject, keyBits } = readCertificateFields(issuerCertificate);
  const digest = (bytes: Uint8Array) => createHash(hash).update(bytes).digest();
  return digest(subject.encoded).equals(issuerName) && digest(keyBits).equals(issuerKey);
}
