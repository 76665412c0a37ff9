import { decryptedPrivateKeyPem } from '@acmex/certificate';
import { readBundle } from '@acmex/certificate/formats';
import { CliError } from './errors.ts';
import { openEncrypted, type PassphraseSource, type PassphraseTerminal } from './passphrase.ts';
import { readBytes } from './read-text.ts';

/**
 * Reads the private key of a file, also an encrypted one: PEM, or any format of `readBundle`.
 * @param what its purpose, for the error: `the key of the root`
 * @returns PEM in clear, which the caller overwrites after use
 * @throws CliError `ERR_CLI_FILE`, `ERR_CLI_USAGE`; CertificateError and KeystoreError, with the
 * path
 */
export async function readKeyFile(
  path: string,
  { what, ...source }: Omit<PassphraseSource, 'name'> & { readonly what: string },
  terminal: PassphraseTerminal,
): Promise<Uint8Array> {
  const bytes = await readBytes(path, what);
  try {
    return await openEncrypted({ ...source, name: path, what }, terminal, async (passphrase) => {
      if (bytes.includes('-----BEGIN ')) return decryptedPrivateKeyPem(bytes, passphrase);
      const { privateKey } = await readBundle(bytes, { passphrase });
      if (privateKey !== undefined) return Buffer.from(privateKey);
      throw new CliError('ERR_CLI_FILE', `${path} has no private key: use ${what}`);
    });
  } finally {
    bytes.fill(0);
  }
}
