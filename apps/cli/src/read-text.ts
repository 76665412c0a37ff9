import { readFile } from 'node:fs/promises';
import { CliError } from './errors.ts';
import { reason } from './whole-file.ts';

/** A text file of the user's. @throws CliError `ERR_CLI_FILE`, naming what it was to be */
export async function readText(path: string, what: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${what} ${path} cannot be read: ${reason(error)}`, {
      cause: error,
    });
  });
}
