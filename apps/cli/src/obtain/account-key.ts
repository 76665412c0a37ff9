import { credentialInFile } from '@acmex/config';
import { errorCode, errorText } from '@acmex/errors';
import { type AccountKey, AcmeError, importAccountKey } from '@acmex/protocol';
import { CliError } from '../errors.ts';
import { readBytes } from '../read-text.ts';
import type { ObtainOptions } from './options.ts';

type KeyOptions = Pick<ObtainOptions, 'accountKey' | 'accountKeyPassphraseFile'>;

/**
 * Reads the account key of `--account-key`, with its passphrase from its file, else from
 * `ACMEX_ACCOUNT_KEY_PASSPHRASE`.
 * @returns undefined without `--account-key`
 * @throws CliError `ERR_CLI_FILE`, `ERR_CLI_USAGE` for a passphrase without a key; AcmeError
 * `ERR_ACME_KEY`, `ERR_ACME_KEY_PASSPHRASE`; ConfigError `ERR_CONFIG_CREDENTIAL` for a passphrase
 * file that others can read
 */
export async function readAccountKey(
  { accountKey: file, accountKeyPassphraseFile: passphraseFile }: KeyOptions,
  environment: NodeJS.ProcessEnv,
): Promise<AccountKey | undefined> {
  if (file === undefined) {
    if (passphraseFile === undefined) return undefined;
    throw new CliError(
      'ERR_CLI_USAGE',
      '--account-key-passphrase-file has no key to decrypt: add --account-key',
    );
  }
  const bytes = await readBytes(file, 'the account key');
  const passphrase =
    passphraseFile === undefined
      ? environment.ACMEX_ACCOUNT_KEY_PASSPHRASE
      : await credentialInFile(passphraseFile);
  try {
    return await importAccountKey(new Uint8Array(bytes), { passphrase });
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ERR_ACME_KEY_PASSPHRASE' && passphrase === undefined)
      throw new AcmeError(
        code,
        `${file}: the account key is encrypted: use --account-key-passphrase-file, ACMEX_ACCOUNT_KEY_PASSPHRASE or a copy that is not encrypted`,
        { cause: error },
      );
    if (code === 'ERR_ACME_KEY' || code === 'ERR_ACME_KEY_PASSPHRASE')
      throw new AcmeError(code, `${file}: ${errorText(error)}`, { cause: error });
    throw error;
  }
}
