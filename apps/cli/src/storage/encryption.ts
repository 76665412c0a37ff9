import { encryptInPlace, newEncryptionKey, rotate, type Rotation } from '@acmex/storage-encrypted';
import { CliError } from '../errors.ts';
import { encryptionKeys, keysIn, openDriver } from '../open-storage.ts';
import type { Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import type { ConfiguredOutputOptions, OutputOptions, Result } from '../output.ts';
import { count, running, tellSkipped } from './running.ts';

export interface RotateKeyOptions extends ConfiguredOutputOptions {
  readonly newKeyFile: string;
}

/** `acmex storage rotate-key`: encrypts everything with a new key, while others read and write. */
export async function rotateKey(options: RotateKeyOptions, terminal: Terminal): Promise<void> {
  await running(options, terminal, async (report) => {
    const old = await encryptionKeys(options);
    if (old.length === 0)
      throw new CliError(
        'ERR_CLI_USAGE',
        'there is no key to go over from: give --encryption-key-file; a storage in clear is encrypted by acmex storage encrypt',
      );
    await using driver = await openDriver(options, terminal, report);
    const rotation = await rotate(driver, {
      keys: [...(await keysIn(options.newKeyFile)), ...old],
      signal: terminal.signal,
      onProgress: ({ encrypted, current }) => report.working(`${encrypted + current} entries`),
    });
    report.close();
    tellSkipped(rotation.skipped, report);
    return summary(rotation, 'from now on the new key alone opens the storage');
  });
}

/** `acmex storage encrypt`: encrypts a storage in clear in place. */
export async function encrypt(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await running(options, terminal, async (report) => {
    const keys = await encryptionKeys(options);
    if (keys.length === 0)
      throw new CliError(
        'ERR_CLI_USAGE',
        'there is no key: give --encryption-key-file, with a key that acmex storage new-key makes',
      );
    await using driver = await openDriver(options, terminal, report);
    const rotation = await encryptInPlace(driver, {
      keys,
      signal: terminal.signal,
      onProgress: ({ encrypted, current }) => report.working(`${encrypted + current} entries`),
    });
    report.close();
    tellSkipped(rotation.skipped, report);
    return summary(rotation, 'without the key nobody reads the storage');
  });
}

/** `acmex storage new-key FILE`: makes a key for encryption, in a file for the owner's eyes alone. */
export async function newKey(
  path: string,
  options: OutputOptions,
  terminal: Terminal,
): Promise<void> {
  await running(options, terminal, async () => {
    const {
      key: { id },
      text,
    } = newEncryptionKey();
    await using file = await waitingFile(path, 0o600);
    if (!(await file.commitNew(`${text}\n`)))
      throw new CliError(
        'ERR_CLI_EXISTS',
        `${path} exists already: choose another name, an encryption key is never written over`,
      );
    return {
      text: `the key ${id} is in ${path}: keep a copy where the storage is not`,
      document: { id, file: path },
    };
  });
}

function summary({ encrypted, current, skipped }: Rotation, consequence: string): Result {
  return {
    text: `${count(encrypted, 'entry', 'entries')} encrypted, ${current} before; ${consequence}`,
    document: { encrypted, current, skipped },
  };
}
