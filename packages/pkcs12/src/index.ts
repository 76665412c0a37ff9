export {
  decryptPrivateKey,
  encryptPrivateKey,
  type KeyEncryptionOptions,
} from './encrypted-key.ts';
export { KeystoreError, type KeystoreErrorCode, keystoreErrors } from './errors.ts';
export {
  isJks,
  type JksCertificateEntry,
  type JksEntry,
  type JksKeyEntry,
  readJks,
  writeJks,
} from './jks.ts';
export {
  type Pkcs12Contents,
  type Pkcs12Entry,
  type Pkcs12File,
  type Pkcs12Options,
  readPkcs12,
  writePkcs12,
} from './pkcs12.ts';
export type { Random } from './random.ts';
