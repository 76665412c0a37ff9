import { createCsr, parseCsr, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type Identifier, identifiers } from '@acmex/protocol';
import { CliError } from '../errors.ts';
import { readText } from '../read-text.ts';
import type { ObtainOptions } from './options.ts';

/** What is asked of the CA. */
export interface CertificateRequest {
  readonly identifiers: readonly Identifier[];
  readonly csr: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** PEM of the key that was made for it; absent where the request came from elsewhere. */
  privateKey?(): Promise<Uint8Array>;
}

/** The names that the flags give; those of a request file are read from it. @throws CliError `ERR_CLI_USAGE` */
export function namesOf({ domains, csr }: ObtainOptions): readonly Identifier[] {
  if (csr !== undefined && domains)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a certificate signing request has its own names: give either --csr or --domains',
    );
  const names = identifiers(domains ?? []);
  if (csr === undefined && names.length === 0)
    throw new CliError(
      'ERR_CLI_USAGE',
      'there is no name to get a certificate for: give one or more with --domains',
    );
  return names;
}

/** The user's own request, or a new key with a request for the names. */
export async function certificateRequest(
  names: readonly Identifier[],
  { csr, keyType, mustStaple = false }: ObtainOptions,
): Promise<CertificateRequest> {
  if (csr !== undefined) {
    const {
      identifiers: own,
      der,
      publicKey,
    } = await parseCsr(await readText(csr, 'the certificate signing request'));
    return { identifiers: own, csr: der, publicKey };
  }
  const key = await webcrypto().generate(keyType);
  return {
    identifiers: names,
    csr: await createCsr({ identifiers: names, key, mustStaple }),
    publicKey: key.publicKey,
    privateKey: () => privateKeyPem(key),
  };
}
