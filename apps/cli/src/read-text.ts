import { readFile } from 'node:fs/promises';
import { certificatesPem } from '@acmex/certificate';
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
  if (bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)))
    throw new CliError('ERR_CLI_FILE', `${what} ${path} is empty: use another file`);
  return bytes;
}

async function read(path: string, what: string): Promise<Buffer> {
  return await readFile(path).catch((error: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${what} ${path} cannot be read: ${fileErrorText(error)}`, {
      cause: error,
    });
  });
}
