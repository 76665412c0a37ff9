import { openDriver, storagePlace } from '@acmex/config';
import { migrate as migrateStorage } from '@acmex/storage';
import { dataDirectory, placesOf } from '../configuration.ts';
import { keysIn, openUnaudited } from '../open-storage.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import type { ConfiguredOutputOptions } from '../output.ts';
import { count, running, assertNoneSkipped } from './running.ts';

export interface MigrateOptions extends ConfiguredOutputOptions {
  readonly to: string;
  readonly toKeyFile?: string;
}

/** `acmex storage migrate`: copies every entry to another storage, and reads each back. */
export async function migrate(options: MigrateOptions, terminal: Terminal): Promise<void> {
  await running(options, terminal, async (report) => {
    await using from = await openUnaudited(options, terminal, report);
    await using to = await target(options, terminal, report);
    const { copied, present, skipped } = await migrateStorage(from, to, {
      signal: terminal.signal,
      onProgress: (done) => report.working(`${done.copied + done.present} entries: ${done.key}`),
    });
    const lost = skipped.filter(({ key }) => !key.startsWith('lock/'));
    report.close();
    assertNoneSkipped(lost, report);
    return {
      text: `${count(copied, 'entry', 'entries')} copied and read back, ${present} already present; the source is unchanged`,
      document: { copied, present, skipped },
    };
  });
}

async function target({ to, toKeyFile }: MigrateOptions, terminal: Terminal, report: Reporter) {
  const place = storagePlace(to, { ...placesOf(terminal), flag: '--to' });
  const driver = await openDriver(place, {
    directory: dataDirectory(terminal),
    onNotice: (message) => report.warn(message),
  });
  if (toKeyFile === undefined) return driver;
  const { encryptedStorage } = await import('@acmex/storage-encrypted');
  try {
    return await encryptedStorage(driver, { keys: await keysIn(toKeyFile) });
  } catch (error) {
    await driver[Symbol.asyncDispose]();
    throw error;
  }
}
