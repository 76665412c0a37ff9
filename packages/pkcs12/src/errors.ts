import { defineErrors, type ErrorTable } from '@acmex/errors';

/** What can be wrong with a PKCS#12 file, a Java keystore, or a key that is encrypted. */
export const keystoreErrors = {
  ERR_KEYSTORE_FORMAT: {
    meaning: 'This is not a PKCS#12 file, a Java keystore or an encrypted key, or it is damaged.',
    cure: 'Check that the file is complete; export it again where it was made.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEYSTORE_PASSPHRASE: {
    meaning: 'The passphrase is wrong.',
    cure: 'Use the passphrase that the file was encrypted with.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEYSTORE_PASSPHRASE_MISSING: {
    meaning: 'The file is encrypted, or will be, and there is no passphrase.',
    cure: 'Use its passphrase.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEYSTORE_MAC: {
    meaning: 'The passphrase is correct, but the file was changed after it was written.',
    cure: 'Do not use the file; export it again where it was made.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEYSTORE_ITERATIONS: {
    meaning: 'The file asks for more work to derive its keys than is permitted.',
    cure: 'Export it again where it was made, with fewer iterations.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEYSTORE_ALGORITHM: {
    meaning: 'The file uses an algorithm or a form that is not supported.',
    cure: 'Export it again where it was made, with AES-256 and a SHA-256 MAC.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
} as const satisfies ErrorTable<'KEYSTORE'>;

export type KeystoreErrorCode = keyof typeof keystoreErrors;

/** A file that cannot be read or written. Compare `code` to distinguish causes. */
export class KeystoreError extends defineErrors('Keystore', keystoreErrors) {}
