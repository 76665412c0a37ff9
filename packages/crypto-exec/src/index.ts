export { accountKeyOf } from './account-key.ts';
export { signingBackend, type SigningBackendOptions } from './backend.ts';
export { SignerError, type SignerErrorCode, signerErrors } from './errors.ts';
export { pkcs11Signer, type Pkcs11SignerOptions } from './pkcs11-signer.ts';
export type { ProgramOptions } from './program-run.ts';
export { programSigner, type ProgramSignerOptions } from './program-signer.ts';
export { type SignatureAlgorithm, signatureAlgorithms, type Signer } from './signer.ts';
export { openSigningKey, type SigningKey } from './signing-key.ts';
