import { encryptPrivateKey } from '@acmex/pkcs12';
import { CertificateError } from './errors.ts';
import { toPem } from './pem.ts';
import type { PrivateKey } from './private-key.ts';

/**
 * Encrypts a key with a passphrase: PKCS#8 with PBES2, PBKDF2 of 600,000 rounds, and AES-256. Each
 * guess of the passphrase costs those rounds. RFC 8018 §6.2
 * @returns PEM
 * @throws CertificateError `ERR_KEY_NOT_EXPORTABLE`
 */
export async function encryptedPrivateKeyPem(
  key: PrivateKey,
  passphrase: string,
): Promise<Uint8Array> {
  if (!key.export)
    throw new CertificateError(
      'ERR_KEY_NOT_EXPORTABLE',
      `the ${key.type} key cannot leave the place where it is stored`,
    );
  const clear = await key.export();
  try {
    return toPem('ENCRYPTED PRIVATE KEY', await encryptPrivateKey(clear, { passphrase }));
  } finally {
    clear.fill(0);
  }
}
