import { readFile } from 'node:fs/promises';
import { certificatesPem, readTrustAnchors } from '@acmex/certificate';
import { errorCode, errorText } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { CliError } from './errors.ts';

/**
 * Reads a text file of the user.
 * @param what its purpose, for the error: `the CA certificate`
 * @throws CliError `ERR_CLI_FILE`
 */
export async function readText(path: string, what: string): Promise<string> {
  return (await read(path, what)).toString('utf8');
}

/**
 * Reads the certificates of a file, PEM or DER, as PEM.
 * @param what its purpose, for the error: `the CA certificate`
 * @throws CliError `ERR_CLI_FILE`
 */
export async function readCertificates(path: string, what: string): Promise<string> {
  const bytes = await readBytes(path, what);
  try {
    return certificatesPem(bytes);
  } catch (error) {
    if (errorCode(error) !== 'ERR_CERTIFICATE_FORMAT') throw error;
    throw new CliError('ERR_CLI_FILE', `${what} ${path} cannot be used: ${errorText(error)}`, {
      cause: error,
    });
  }
}

/**
 * Reads a file of the user.
 * @param what its purpose, for the error: `the certificate signing request`
 * @throws CliError `ERR_CLI_FILE`, also for an empty file
 */
export async function readBytes(path: string, what: string): Promise<Buffer> {
  const bytes = await read(path, what);
  if (isBlank(bytes))
    throw new CliError('ERR_CLI_FILE', `${what} ${path} is empty: use another file`);
  return bytes;
}

/** Returns whether a file has nothing but white space. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

/**
 * Reads a file of certificates as it is, for `verifyChain`.
 * @throws CliError `ERR_CLI_FILE`
 */
export async function readCertificateBytes(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((cause: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${path} cannot be read: ${fileErrorText(cause)}`, {
      cause,
    });
  });
}

/**
 * Reads trusted certificates.
 * @throws CliError `ERR_CLI_FILE`, also for a file without one
 */
export async function readAnchors(path: string): Promise<Uint8Array> {
  const bytes = await readCertificateBytes(path);
  if (readTrustAnchors([bytes]).certificates.length === 0)
    throw new CliError('ERR_CLI_FILE', `${path} has no certificate: use PEM or DER for --anchors`);
  return bytes;
}

async function read(path: string, what: string): Promise<Buffer> {
  return await readFile(path).catch((error: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${what} ${path} cannot be read: ${fileErrorText(error)}`, {
      cause: error,
    });
  });
}
