import { type AccountKey, importAccountKey } from '@acmex/protocol';
import { CliError } from '../errors.ts';
import { openEncrypted, type PassphraseTerminal } from '../passphrase.ts';
import { readBytes } from '../read-text.ts';
import type { ObtainOptions } from './options.ts';

type KeyOptions = Pick<ObtainOptions, 'accountKey' | 'accountKeyPassphraseFile'>;

/**
 * Reads the account key of `--account-key`, with its passphrase from its file, else from
 * `ACMEX_ACCOUNT_KEY_PASSPHRASE`, else from a person.
 * @returns undefined without `--account-key`
 * @throws CliError `ERR_CLI_FILE`, `ERR_CLI_USAGE` for a passphrase without a key; AcmeError
 * `ERR_ACME_KEY`, `ERR_ACME_KEY_PASSPHRASE`; ConfigError `ERR_CONFIG_CREDENTIAL` for a passphrase
 * file that others can read
 */
export async function readAccountKey(
  { accountKey: name, accountKeyPassphraseFile: file }: KeyOptions,
  terminal: PassphraseTerminal,
): Promise<AccountKey | undefined> {
  const flag = '--account-key-passphrase-file';
  if (name === undefined) {
    if (file === undefined) return undefined;
    throw new CliError('ERR_CLI_USAGE', `${flag} has no key to decrypt: add --account-key`);
  }
  const what = 'the account key';
  const bytes = new Uint8Array(await readBytes(name, what));
  return await openEncrypted(
    { name, file, flag, variable: 'ACMEX_ACCOUNT_KEY_PASSPHRASE', what },
    terminal,
    async (passphrase) => await importAccountKey(bytes, { passphrase }),
  );
}
