import { createCsr, type KeyType, parseCsr, privateKeyPem } from '@acmex/certificate';
import { secondPath } from '@acmex/deploy';
import { type Identifier, identifiers } from '@acmex/identifier';
import type { CertificateManager } from '@acmex/manager';
import { CliError } from '../errors.ts';
import { readBytes } from '../read-text.ts';
import { keyTypesOf, type ObtainOptions } from './options.ts';

/** The request to the CA. */
export interface CertificateRequest {
  readonly identifiers: readonly Identifier[];
  readonly csr: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** Returns the key as PEM; absent for a request from a file, and for a key in a device. */
  privateKey?(): Promise<Uint8Array>;
}

/**
 * Returns whether a file gets the private key: not that of a request from a file, or of a device.
 */
export function hasKeyFile({ csr, key }: Pick<ObtainOptions, 'csr' | 'key'>): boolean {
  return csr === undefined && key === undefined;
}

/** Returns the path of a file of the second key, beside that of the first. */
export function pathOfSecondKey(path: string, secondKeyType: KeyType): string {
  return secondPath(path, secondKeyType.startsWith('rsa-') ? 'rsa' : 'ec');
}

/** Returns the files that the command writes. */
export function writtenPaths(options: ObtainOptions): readonly string[] {
  const { keyPath, certPath } = options;
  const paths = hasKeyFile(options) ? [keyPath, certPath] : [certPath];
  const [, second] = keyTypesOf(options);
  return second === undefined
    ? paths
    : paths.flatMap((path) => [path, pathOfSecondKey(path, second)]);
}

/**
 * Returns the names of `--domains`; none for `--csr`, whose names are in its file.
 * @throws CliError `ERR_CLI_USAGE`
 */
export function namesOf({ domains, csr, key }: ObtainOptions): readonly Identifier[] {
  if (csr !== undefined && domains)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a certificate signing request contains its names: use either --csr or --domains',
    );
  if (csr !== undefined && key !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a certificate signing request is signed already: use either --csr or --key',
    );
  const names = identifiers(domains ?? []);
  if (csr === undefined && names.length === 0)
    throw new CliError('ERR_CLI_USAGE', 'the names of the certificate are missing: use --domains');
  return names;
}

/**
 * Reads the request of `--csr`; else creates a request for the names, signed by the key of `--key`
 * or by a new key.
 */
export async function certificateRequest(
  names: readonly Identifier[],
  options: ObtainOptions,
  { crypto }: Pick<CertificateManager, 'crypto'>,
): Promise<CertificateRequest> {
  const { csr, key: reference, mustStaple = false } = options;
  if (csr !== undefined) {
    const {
      identifiers: requested,
      der,
      publicKey,
    } = await parseCsr(await readBytes(csr, 'the certificate signing request'));
    return { identifiers: requested, csr: der, publicKey };
  }
  const key =
    reference === undefined
      ? await crypto.generate(keyTypesOf(options)[0])
      : await crypto.import(new TextEncoder().encode(reference));
  return {
    identifiers: names,
    csr: await createCsr({ identifiers: names, key, mustStaple }),
    publicKey: key.publicKey,
    ...(reference === undefined ? { privateKey: () => privateKeyPem(key) } : {}),
  };
}
