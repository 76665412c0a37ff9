import { randomBytes } from 'node:crypto';
import { storageOf } from '@acmex/config';
import { errorText } from '@acmex/errors';
import { checkClause, storageContract } from '@acmex/storage/contract';
import { CliError } from '../errors.ts';
import { openUnaudited } from '../open-storage.ts';
import type { Terminal } from '../terminal.ts';
import type { ConfiguredOutputOptions } from '../output.ts';
import { count, running } from './running.ts';

/** `acmex storage check`: runs the clauses of the storage contract, and reads every entry. */
export async function check(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await running(options, terminal, async (report) => {
    await using storage = await openUnaudited(options, terminal, report);
    await using second = await openUnaudited(options, terminal, report);
    const isMemory = storageOf(options.configuration).place.kind === 'memory';
    const subject = {
      storage,
      // A storage in memory is empty each time it is opened.
      secondStorage: isMemory ? storage : second,
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
          reason: errorText(error),
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
    for (const { clause, reason } of failures) report.warn(`failed: ${clause}: ${reason}`);
    for (const message of unreadable) report.warn(message);
    if (failures.length + unreadable.length > 0)
      throw new CliError(
        'ERR_CLI_STORAGE_CHECK',
        `the storage fails ${count(failures.length, 'clause', 'clauses')} of ${storageContract.length}, and ${count(unreadable.length, 'entry', 'entries')} cannot be read: see the warnings above`,
      );
    return {
      text: `the storage passes all ${storageContract.length} clauses; ${count(entries, 'entry', 'entries')}, all readable`,
      document: { clauses: storageContract.length, entries },
    };
  });
}
