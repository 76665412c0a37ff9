import { encryptInPlace, newEncryptionKey, rotate, type Rotation } from '@acmex/storage-encrypted';
import { CliError } from '../errors.ts';
import { encryptionKeys, keysIn, openDriver } from '../open-storage.ts';
import type { Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import type { ConfiguredOutputOptions, OutputOptions, Result } from '../output.ts';
import { count, running, assertNoneSkipped } from './running.ts';

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
        'the current key is missing: use --encryption-key-file; for a storage that is not encrypted, use acmex storage encrypt',
      );
    await using driver = await openDriver(options, terminal, report);
    const rotation = await rotate(driver, {
      keys: [...(await keysIn(options.newKeyFile)), ...old],
      signal: terminal.signal,
      onProgress: ({ encrypted, current }) => report.working(`${encrypted + current} entries`),
    });
    report.close();
    assertNoneSkipped(rotation.skipped, report);
    return summary(rotation, 'only the new key opens the storage from now on');
  });
}

/** `acmex storage encrypt`: encrypts a storage in place. */
export async function encrypt(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await running(options, terminal, async (report) => {
    const keys = await encryptionKeys(options);
    if (keys.length === 0)
      throw new CliError(
        'ERR_CLI_USAGE',
        'the key is missing: use --encryption-key-file with a key from acmex storage new-key',
      );
    await using driver = await openDriver(options, terminal, report);
    const rotation = await encryptInPlace(driver, {
      keys,
      signal: terminal.signal,
      onProgress: ({ encrypted, current }) => report.working(`${encrypted + current} entries`),
    });
    report.close();
    assertNoneSkipped(rotation.skipped, report);
    return summary(rotation, 'the storage cannot be read without the key');
  });
}

/**
 * `acmex storage new-key FILE`: creates an encryption key, in a file that only its owner can read.
 */
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
        `${path} already exists: use another name; an encryption key is never overwritten`,
      );
    return {
      text: `the key ${id} is in ${path}: keep a copy away from the storage`,
      document: { id, file: path },
    };
  });
}

function summary({ encrypted, current, skipped }: Rotation, consequence: string): Result {
  return {
    text: `${count(encrypted, 'entry', 'entries')} encrypted, ${current} already were; ${consequence}`,
    document: { encrypted, current, skipped },
  };
}
