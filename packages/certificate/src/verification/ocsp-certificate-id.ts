import { readAlgorithm } from './certificate-fields.ts';
import {
  contents,
  DerError,
  type DerValue,
  expectTag,
  members,
  readInteger,
  tags,
} from './der-value.ts';

/** Which certificate an OCSP request or response is about. RFC 6960 §4.1.1 */
export interface OcspCertificateId {
  /** The object identifier of the hash of the issuer's name and key. */
  readonly hash: string;
  readonly issuerName: Uint8Array;
  readonly issuerKey: Uint8Array;
  /** In two's complement. */
  readonly serialNumber: Uint8Array;
}

/** Reads a CertID. */
export function readOcspCertificateId(value: DerValue): OcspCertificateId {
  const [algorithm, name, key, serial, ...rest] = members(expectTag(value, tags.sequence));
  if (!algorithm || !name || !key || !serial || rest.length > 0)
    throw new DerError('the identifier of a certificate has exactly four members');
  return {
    hash: readAlgorithm(algorithm).identifier,
    issuerName: contents(expectTag(name, tags.octetString)),
    issuerKey: contents(expectTag(key, tags.octetString)),
    serialNumber: readInteger(serial),
  };
}
