import { randomBytes } from 'node:crypto';
import { storageOf } from '@acmex/config';
import { checkClause, storageContract } from '@acmex/storage/contract';
import { CliError } from '../errors.ts';
import { openStorage } from '../open-storage.ts';
import type { Terminal } from '../terminal.ts';
import type { ConfiguredOutputOptions } from '../output.ts';
import { count, running } from './running.ts';

/** `acmex storage check`: holds a storage against what every storage must do, and reads every entry that is in it. */
export async function check(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await running(options, terminal, async (report) => {
    await using storage = await openStorage(options, terminal, report);
    await using other = await openStorage(options, terminal, report);
    // In memory two openings are two storages.
    const subject = {
      storage,
      other: storageOf(options.configuration).place.kind === 'memory' ? storage : other,
      place: `check-${randomBytes(8).toString('hex')}`,
    };
    const failures: { readonly clause: string; readonly reason: string }[] = [];
    for (const clause of storageContract) {
      terminal.signal.throwIfAborted();
      report.working(clause.title);
      try {
        await checkClause(clause, subject);
        report.debug(`it ${clause.title}`);
      } catch (error) {
        failures.push({
          clause: clause.title,
          reason: error instanceof Error ? error.message : String(error),
        });
      }
    }
    report.working('reading every entry');
    const unreadable: string[] = [];
    let entries = 0;
    for await (const { key } of storage.list('', {
      signal: terminal.signal,
      onCorrupt: ({ message }) => unreadable.push(message),
    })) {
      entries += 1;
      report.debug(`${key} can be read`);
    }
    for (const { clause, reason } of failures) report.warn(`does not hold: ${clause}: ${reason}`);
    for (const message of unreadable) report.warn(message);
    if (failures.length + unreadable.length > 0)
      throw new CliError(
        'ERR_CLI_STORAGE_CHECK',
        `the storage does not do ${count(failures.length, 'thing', 'things')} of ${storageContract.length} that it must, and ${count(unreadable.length, 'entry', 'entries')} cannot be read: see above`,
      );
    return {
      text: `the storage does all ${storageContract.length} things that it must; ${count(entries, 'entry', 'entries')}, all readable`,
      document: { clauses: storageContract.length, entries },
    };
  });
}
