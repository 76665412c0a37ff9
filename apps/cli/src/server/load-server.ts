import { createRequire } from 'node:module';
import { isModuleMissing } from '@acmex/errors';
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
    if (!isModuleMissing(cause)) throw cause;
    throw new CliError('ERR_CLI_PACKAGE', howToGetServer(), { cause });
  }
}

/** A checkout has the package from the start, and its files once they are built. */
function howToGetServer(): string {
  if (!canResolve('@acmex/server/package.json'))
    return 'the server is a separate package: run npm install @acmex/server where @acmex/cli is installed';
  return canResolve('@acmex/server')
    ? 'the server needs a package that is missing: run npm install where @acmex/server is installed, or npm run build in a checkout'
    : 'the server is not built yet: run npm run build in the checkout';
}

function canResolve(specifier: string): boolean {
  try {
    createRequire(import.meta.url).resolve(specifier);
    return true;
  } catch {
    return false;
  }
}
