import {
  keysOf,
  openDriver as openDriverAt,
  openStorage as openStorageOf,
  storageOf,
} from '@acmex/config';
import type { Storage } from '@acmex/storage';
import { type EncryptionKeyInput, parseEncryptionKey } from '@acmex/storage-encrypted';
import { type Configured, dataDirectory } from './configuration.ts';
import { CliError } from './errors.ts';
import { readText } from './read-text.ts';
import type { Reporter, Terminal } from './terminal.ts';

/** The storage that is meant, with its encryption where keys were given. */
export async function openStorage(
  { configuration }: Configured,
  terminal: Pick<Terminal, 'env' | 'uid'>,
  report: Reporter,
): Promise<Storage> {
  return await openStorageOf(storageOf(configuration), {
    directory: dataDirectory(terminal),
    onNotice: (message) => report.warn(message),
  });
}

/** The storage without its encryption. */
export async function openDriver(
  { configuration }: Configured,
  terminal: Pick<Terminal, 'env' | 'uid'>,
  report: Reporter,
): Promise<Storage> {
  return await openDriverAt(storageOf(configuration).place, {
    directory: dataDirectory(terminal),
    onNotice: (message) => report.warn(message),
  });
}

/** The keys of the storage, the first for writing; none where it is not encrypted. */
export async function encryptionKeys({
  configuration,
}: Configured): Promise<readonly EncryptionKeyInput[]> {
  const { encryption } = storageOf(configuration);
  return encryption ? await keysOf(encryption) : [];
}

/** The keys in a file, one in a line. */
export async function keysIn(file: string): Promise<readonly EncryptionKeyInput[]> {
  const keys = (await readText(file, 'the encryption key file'))
    .split(/[\s,]+/)
    .filter((line) => line !== '')
    .map(parseEncryptionKey);
  if (keys.length === 0)
    throw new CliError(
      'ERR_CLI_FILE',
      `the encryption key file ${file} is empty: acmex storage new-key makes a key`,
    );
  return keys;
}
