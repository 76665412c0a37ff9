import { readFile } from 'node:fs/promises';
import { fileErrorText } from '@acmex/files';
import { CliError } from './errors.ts';

/**
 * Reads a text file of the user.
 * @param what its purpose, for the error: `the CA certificate`
 * @throws CliError `ERR_CLI_FILE`
 */
export async function readText(path: string, what: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${what} ${path} cannot be read: ${fileErrorText(error)}`, {
      cause: error,
    });
  });
}
