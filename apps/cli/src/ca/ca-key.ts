import { isKeyReference } from '@acmex/certificate';
import { readKeyFile } from '../key-file.ts';
import type { PassphraseSource, PassphraseTerminal } from '../passphrase.ts';

export interface PassphraseOptions {
  readonly passphraseFile?: string | undefined;
}

/** Returns where the passphrase of the keys of a CA comes from. */
export function caPassphrase({
  passphraseFile: file,
}: PassphraseOptions): Omit<PassphraseSource, 'name'> {
  return { file, flag: '--passphrase-file', variable: 'ACMEX_CA_PASSPHRASE' };
}

/**
 * Reads a key of a CA.
 * @param place a file, or the reference of a key in a device
 * @param what its purpose, for errors: `the key of the root`
 * @returns PEM in clear, or the reference; the caller overwrites it after use
 * @throws CliError, CertificateError and KeystoreError as `readKeyFile`
 */
export async function readCaKey(
  place: string,
  { what, ...options }: PassphraseOptions & { readonly what: string },
  terminal: PassphraseTerminal,
): Promise<Uint8Array> {
  if (isKeyReference(place)) return Buffer.from(place);
  return await readKeyFile(place, { ...caPassphrase(options), what }, terminal);
}
