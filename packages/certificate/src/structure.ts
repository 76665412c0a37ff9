/** The structure of certificates and of what their issuers sign, in strict DER. */
export { der, objectIdentifier, positiveInteger } from './der.ts';
export { type NamedExtension, namedExtensions } from './named-extensions.ts';
export { readSubjectPublicKey } from './openssl-key.ts';
export {
  type Algorithm,
  type CertificateFields,
  readAlgorithm,
  readCertificateFields,
  serialText,
} from './verification/certificate-fields.ts';
export {
  contents,
  context,
  DerError,
  type DerValue,
  encoding,
  expectTag,
  expectWellFormed,
  explicit,
  headAt,
  implicit,
  longestHead,
  members,
  optionalMembers,
  readBitString,
  readBoolean,
  readDerValue,
  readEnumerated,
  readInteger,
  readNull,
  readObjectIdentifier,
  readOctetsOfBitString,
  readSmallInteger,
  readText,
  readTime,
  tags,
  valueAt,
} from './verification/der-value.ts';
export { readGeneralName } from './verification/general-name.ts';
export { type DistinguishedName, nameText, readName } from './verification/distinguished-name.ts';
export {
  type Extension,
  keyUsages,
  readDistributionPointName,
  readExtension,
  readExtensionList,
  readKnownExtensions,
} from './verification/extensions.ts';
export {
  type OcspCertificateId,
  readOcspCertificateId,
} from './verification/ocsp-certificate-id.ts';
export { repeatedExtension } from './verification/rules/form.ts';
export { purposeName, purposes } from './verification/rules/extended-key-usage.ts';
export {
  type Signed,
  type SignatureCheck,
  signatureCheck,
  signatureFault,
} from './verification/signature.ts';
