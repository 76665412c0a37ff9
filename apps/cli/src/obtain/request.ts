import { createCsr, parseCsr, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type Identifier, identifiers } from '@acmex/identifier';
import { CliError } from '../errors.ts';
import { readBytes } from '../read-text.ts';
import type { ObtainOptions } from './options.ts';

/** The request to the CA. */
export interface CertificateRequest {
  readonly identifiers: readonly Identifier[];
  readonly csr: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** Returns the key as PEM; absent for a request from a file. */
  privateKey?(): Promise<Uint8Array>;
}

/**
 * Returns the names of `--domains`; none for `--csr`, whose names are in its file.
 * @throws CliError `ERR_CLI_USAGE`
 */
export function namesOf({ domains, csr }: ObtainOptions): readonly Identifier[] {
  if (csr !== undefined && domains)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a certificate signing request contains its names: use either --csr or --domains',
    );
  const names = identifiers(domains ?? []);
  if (csr === undefined && names.length === 0)
    throw new CliError('ERR_CLI_USAGE', 'the names of the certificate are missing: use --domains');
  return names;
}

/** Reads the request of `--csr`, or creates a key and a request for the names. */
export async function certificateRequest(
  names: readonly Identifier[],
  { csr, keyType, mustStaple = false }: ObtainOptions,
): Promise<CertificateRequest> {
  if (csr !== undefined) {
    const {
      identifiers: requested,
      der,
      publicKey,
    } = await parseCsr(await readBytes(csr, 'the certificate signing request'));
    return { identifiers: requested, csr: der, publicKey };
  }
  const key = await webcrypto().generate(keyType);
  return {
    identifiers: names,
    csr: await createCsr({ identifiers: names, key, mustStaple }),
    publicKey: key.publicKey,
    privateKey: () => privateKeyPem(key),
  };
}
