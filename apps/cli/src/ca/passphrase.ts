import { credentialInFile } from '@acmex/config';
import { CliError } from '../errors.ts';

/**
 * Returns the passphrase of the root's key: of the file, else of `ACMEX_CA_PASSPHRASE`.
 *
 * @throws CliError `ERR_CLI_USAGE` if there is neither
 * @throws ConfigError when the file cannot be read, or others can read it
 */
export async function passphraseOf(
  { passphraseFile }: { readonly passphraseFile?: string | undefined },
  env: NodeJS.ProcessEnv,
): Promise<string> {
  if (passphraseFile !== undefined) return await credentialInFile(passphraseFile);
  if (env.ACMEX_CA_PASSPHRASE === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      "the root's key must be encrypted: use --passphrase-file or ACMEX_CA_PASSPHRASE",
    );
  return env.ACMEX_CA_PASSPHRASE;
}
