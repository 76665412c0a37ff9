import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorCode } from '@acmex/errors';
import type * as Server from '@acmex/server';
import { CliError } from '../errors.ts';

/**
 * Loads @acmex/server, an optional package.
 * @throws CliError `ERR_CLI_PACKAGE` says how to get what is missing
 */
export async function loadServer(): Promise<typeof Server> {
  try {
    return await import('@acmex/server');
  } catch (cause) {
    if (errorCode(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new CliError('ERR_CLI_PACKAGE', howToGetServer(), { cause });
  }
}

/** A checkout has the package from the start, and its files once they are built. */
function howToGetServer(): string {
  let url: string;
  try {
    url = import.meta.resolve('@acmex/server');
  } catch {
    return 'the server is a separate package: run npm install @acmex/server where @acmex/cli is installed';
  }
  return existsSync(fileURLToPath(url))
    ? 'the server needs a package that is missing: run npm install where @acmex/server is installed, or npm run build in a checkout'
    : 'the server is not built yet: run npm run build in the checkout';
}
