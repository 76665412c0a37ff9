import { createHash } from 'node:crypto';
import {
  contents,
  context,
  DerError,
  type DerValue,
  encoding,
  expectTag,
  expectWellFormed,
  explicit,
  members,
  optionalMembers,
  readCertificateFields,
  readDerValue,
  readExtensionList,
  readGeneralName,
  readOcspCertificateId,
  readSmallInteger,
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
 * @throws DerError for what is not a request, or one about more than 8 certificates
 */
export function readOcspRequest(der: Uint8Array): OcspRequest {
  const [content, ...rest] = members(readDerValue(der, tags.sequence));
  if (!content) throw new DerError('the request is empty');
  const [signature] = optionalMembers(rest, context(0, { constructed: true }));
  if (signature) expectWellFormed(signature);
  const [version, requestor, list, wrapper] = optionalMembers(
    members(expectTag(content, tags.sequence)),
    context(0, { constructed: true }),
    context(1, { constructed: true }),
    tags.sequence,
    context(2, { constructed: true }),
  );
  if (version && readSmallInteger(explicit(version)) !== 0)
    throw new DerError('the request is of an unknown version');
  if (requestor) readGeneralName(explicit(requestor));
  const requests = list ? members(list) : [];
  if (requests.length === 0 || requests.length > mostCertificates)
    throw new DerError(`the request is not about 1 to ${mostCertificates} certificates`);
  return {
    certificates: requests.map(readCertificateId),
    nonce: wrapper && readNonce(wrapper),
  };
}

function readCertificateId(request: DerValue): CertificateId {
  const [identifier, ...rest] = members(expectTag(request, tags.sequence));
  if (!identifier) throw new DerError('the request is cut off');
  const [extensions] = optionalMembers(rest, context(0, { constructed: true }));
  if (extensions) readExtensionList(extensions);
  const { hash, serialNumber, ...issuer } = readOcspCertificateId(identifier);
  return {
    encoded: encoding(identifier),
    hash: hashes[hash],
    ...issuer,
    serialNumber: Buffer.from(serialNumber).toString('hex'),
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
