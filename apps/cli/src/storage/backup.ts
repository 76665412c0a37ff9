import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { backup as backupOf, readBackup, restore as restoreInto } from '@acmex/storage-encrypted';
import { CliError } from '../errors.ts';
import { encryptionKeys, keysIn, openUnaudited } from '../open-storage.ts';
import { readText } from '../read-text.ts';
import type { Terminal } from '../terminal.ts';
import { writeVerified } from '../whole-file.ts';
import type { ConfiguredOutputOptions } from '../output.ts';
import { count, running, assertNoneSkipped } from './running.ts';

export interface BackupOptions extends ConfiguredOutputOptions {
  /** The key of the backup; by default that of the storage. */
  readonly keyFile?: string;
}

/**
 * `acmex storage backup FILE`: writes an encrypted snapshot. The file appears only after it was
 * read back.
 */
export async function backup(
  file: string,
  options: BackupOptions,
  terminal: Terminal,
): Promise<void> {
  await running(options, terminal, async (report) => {
    const keys = await keysOf(options);
    const [key] = keys;
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (exists) throw new CliError('ERR_CLI_EXISTS', `${file} already exists: use another name`);
    await using storage = await openUnaudited(options, terminal, report);
    const { signal } = terminal;
    const summary = await writeVerified(
      file,
      backupOf(storage, {
        key,
        signal,
        onProgress: (entries) => report.working(`${entries} entries`),
      }),
      async (path) => {
        report.working('reading the backup back');
        return await readBackup(() => createReadStream(path), { keys, signal });
      },
    );
    report.close();
    assertNoneSkipped(summary.skipped, report);
    return {
      text: `${count(summary.entries, 'entry', 'entries')} as of ${summary.takenAt}, read back, in ${file}`,
      document: { file, ...summary },
    };
  });
}

/**
 * `acmex storage restore FILE`: restores to an empty storage, after it has read and verified the
 * whole file.
 */
export async function restore(
  file: string,
  options: BackupOptions,
  terminal: Terminal,
): Promise<void> {
  await running(options, terminal, async (report) => {
    const keys = await keysOf(options);
    await access(file).catch(() => readText(file, 'the backup'));
    await using storage = await openUnaudited(options, terminal, report);
    const summary = await restoreInto(() => createReadStream(file), storage, {
      keys,
      signal: terminal.signal,
      onProgress: (entries) => report.working(`${entries} entries`),
    });
    report.close();
    assertNoneSkipped(summary.skipped, report);
    return {
      text: `${count(summary.entries, 'entry', 'entries')} as of ${summary.takenAt} restored and read back`,
      document: { file, ...summary },
    };
  });
}

async function keysOf({ keyFile, ...options }: BackupOptions) {
  const [first, ...previous] =
    keyFile === undefined ? await encryptionKeys(options) : await keysIn(keyFile);
  if (!first)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a backup must be encrypted: use --key-file with a key from acmex storage new-key',
    );
  return [first, ...previous] as const;
}
