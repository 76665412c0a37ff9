export { type AlternativeNames, alternativeNames, generalName } from './alternative-names.ts';
export { ariCertificateId } from './ari-certificate-id.ts';
export {
  type CertificateInfo,
  certificatesPem,
  parseCertificate,
  parseChain,
} from './certificate-info.ts';
export { type CertificateRequestInfo, createCsr, type CsrRequest, parseCsr } from './csr.ts';
export { der, isOneSequence } from './der.ts';
export { encryptedPrivateKeyPem } from './encrypted-key.ts';
export { CertificateError, type CertificateErrorCode, certificateErrors } from './errors.ts';
export { isKeyOf, sha1Fingerprint, spkiPin } from './fingerprints.ts';
export { decryptedPrivateKeyPem, describePublicKey } from './key-object.ts';
export { nodeCrypto, type NodeCryptoOptions } from './node-crypto.ts';
export { type KeyType, keyTypes } from './key-types.ts';
export {
  type CryptoBackend,
  isKeyReference,
  type PrivateKey,
  privateKeyPem,
  storableKey,
  storedPem,
} from './private-key.ts';
export { createSelfSigned, type ExtensionValue, type SelfSignedRequest } from './self-signed.ts';
export {
  type IssuedCertificate,
  type IssuedFor,
  verifyIssued,
  type VerifyOptions,
} from './verify-issued.ts';
export {
  type CertificateInput,
  type ChainVerification,
  type PathFault,
  type PathMember,
  publicTrustAnchors,
  readTrustAnchors,
  type TrustAnchors,
  verifyChain,
  type VerifyChainOptions,
} from './verification/verify-chain.ts';
export type { Check, Profile } from './verification/fault.ts';
export { webcrypto } from './webcrypto.ts';
export { chainName, isChain, preferredChainWarning } from './preferred-chain.ts';
export { requestedExtensions } from './requested-extensions.ts';
export { signatureAlgorithmDer } from './signature-algorithm.ts';
