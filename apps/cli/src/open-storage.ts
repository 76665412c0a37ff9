import { memoryStorage, type Storage } from '@acmex/storage';
import type { EncryptionKeyInput } from '@acmex/storage-encrypted';
import { dataDirectory } from './data-directory.ts';
import { CliError } from './errors.ts';
import { readText } from './read-text.ts';
import type { Reporter, Terminal } from './terminal.ts';

/** Which storage, as a command line names it. */
export interface StorageChoice {
  /** `file:PATH`, a path, `redis://…`, `rediss://…` or `memory:`; else `ACMEX_STORAGE`, else the data directory. */
  readonly storage?: string | undefined;
  /** A file with encryption keys, one in a line, the first for writing; else `ACMEX_STORAGE_ENCRYPTION_KEY`, `…_KEY_FILE` or `ACMEX_STORAGE_PASSPHRASE`. */
  readonly encryptionKeyFile?: string | undefined;
}

/** The storage that is meant, with its encryption where keys were given. */
export async function openStorage(choice: StorageChoice, terminal: Pick<Terminal, 'env' | 'uid'>, report: Reporter): Promise<Storage> {
  const keys = await encryptionKeys(choice, terminal.env);
  const driver = await openDriver(choice, terminal, report);
  if (keys.length === 0) return driver;
  const { encryptedStorage } = await import('@acmex/storage-encrypted');
  return await closing(driver, () => encryptedStorage(driver, { keys }));
}

/** The storage without its encryption. */
export async function openDriver({ storage }: StorageChoice, { env, uid }: Pick<Terminal, 'env' | 'uid'>, report: Reporter): Promise<Storage> {
  const url = storage ?? env.ACMEX_STORAGE;
  if (url === 'memory:') return memoryStorage();
  if (url !== undefined && /^rediss?:/i.test(url)) {
    const { redisStorage } = await import('@acmex/storage-redis');
    return redisStorage({ url, onNotice: ({ message }) => report.warn(message) });
  }
  const { fileStorage } = await import('@acmex/storage-file');
  return fileStorage({ path: dataDirectory(storage, { env, uid }) });
}

/** The keys of a storage, the first for writing; none where it is not encrypted. */
export async function encryptionKeys({ encryptionKeyFile }: StorageChoice, env: NodeJS.ProcessEnv): Promise<readonly EncryptionKeyInput[]> {
  const file = encryptionKeyFile ?? env.ACMEX_STORAGE_ENCRYPTION_KEY_FILE;
  if (file !== undefined) return await keysIn(file);
  const { ACMEX_STORAGE_ENCRYPTION_KEY: text, ACMEX_STORAGE_PASSPHRASE: passphrase } = env;
  if (text !== undefined) return await parsed(text);
  return passphrase === undefined ? [] : [{ passphrase }];
}

/** The keys in a file, one in a line. */
export async function keysIn(file: string): Promise<readonly EncryptionKeyInput[]> {
  const keys = await parsed(await readText(file, 'the encryption key file'));
  if (keys.length === 0) throw new CliError('ERR_CLI_FILE', `the encryption key file ${file} is empty: acmex storage new-key makes a key`);
  return keys;
}

async function parsed(text: string): Promise<readonly EncryptionKeyInput[]> {
  const { parseEncryptionKey } = await import('@acmex/storage-encrypted');
  return text.split(/[\s,]+/).filter((line) => line !== '').map(parseEncryptionKey);
}

/** What cannot be wrapped is closed. */
async function closing(driver: Storage, wrap: () => Promise<Storage>): Promise<Storage> {
  try {
    return await wrap();
  } catch (error) {
    await driver[Symbol.asyncDispose]();
    throw error;
  }
}
