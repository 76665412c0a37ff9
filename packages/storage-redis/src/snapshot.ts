import { randomBytes } from 'node:crypto';
import { type Entry, type ReadManyOptions, StorageUnavailableError } from '@acmex/storage';
import type { Connection } from './connection.ts';
import { entryOf } from './entry.ts';
import {
  inPage,
  type IndexedBytes,
  type Keyspace,
  type Page,
  readable,
  toPage,
} from './keyspace.ts';
import { beginSnapshot, endSnapshot, evaluate, readSnapshot } from './scripts.ts';

/** How many milliseconds Redis stores a snapshot that is not read. */
const patience = 60_000;
const pageSize = 256;

/**
 * Yields every entry as it was at a single moment. As long as the snapshot is being read, each
 * write first saves the entries that it changes; a saved entry takes precedence over the current
 * one. Therefore the snapshot blocks Redis no longer than a page takes, and costs the memory of the
 * saved entries.
 *
 * @throws StorageUnavailableError also if Redis has deleted the snapshot
 */
export async function* snapshotOf(
  { run }: Connection,
  keyspace: Keyspace,
  { signal, onCorrupt }: ReadManyOptions,
): AsyncIterable<Entry> {
  signal?.throwIfAborted();
  const snapshot = keyspace.snapshot(randomBytes(12).toString('base64url'));
  const keys = [keyspace.snapshots, snapshot];
  await run((redis) => evaluate(redis, beginSnapshot, keys, [patience]), { signal });
  try {
    for (let last: string | undefined = ''; last !== undefined;) {
      const args = pageAfter(last, keyspace);
      const answer = await run(
        (redis) => evaluate(redis, readSnapshot, [keyspace.index, snapshot], args),
        { signal },
      );
      if (answer === null)
        throw new StorageUnavailableError(
          'the snapshot is gone: Redis restarted, or nothing was read for a minute; start again',
        );
      const [current, saved] = answer as [unknown, (Buffer | null)[]];
      last = undefined;
      for (const { key, bytes, missing } of merged(toPage(current), savedPage(saved))) {
        signal?.throwIfAborted();
        last = key;
        const entry = missing ? undefined : readable(() => entryOf(key, bytes), onCorrupt);
        if (entry) yield entry;
      }
    }
  } finally {
    await run((redis) => evaluate(redis, endSnapshot, keys, [])).catch(() => {
      // Redis deletes the snapshot itself after a minute.
    });
  }
}

/** Returns the arguments of `readSnapshot` for the page after a key; '' for the first page. */
function pageAfter(key: string, { entries }: Keyspace): (string | number)[] {
  const first = key === '' ? '-' : `(${key}`;
  return [patience, `[${key}\x01`, first, '+', pageSize, inPage, entries];
}

interface SnapshotBytes extends IndexedBytes {
  /** Whether the entry did not exist at the moment of the snapshot. */
  readonly missing?: boolean;
}

function savedPage(members: readonly (Buffer | null)[]): Page<SnapshotBytes> {
  const entries = members
    .filter((member) => member !== null)
    .map((member) => {
      const end = member.indexOf(0);
      const bytes = member.subarray(end + 1);
      return { key: member.toString('latin1', 0, end), bytes, missing: bytes.length === 0 };
    });
  return { complete: entries.length < members.length, entries };
}

/**
 * Merges both pages in the order of their keys, up to where both are known. A saved entry replaces
 * the current entry of the same key.
 */
function* merged(current: Page<IndexedBytes>, saved: Page<SnapshotBytes>): Iterable<SnapshotBytes> {
  let currentAt = 0;
  let savedAt = 0;
  for (;;) {
    const present = current.entries[currentAt];
    const past = saved.entries[savedAt];
    if ((!present && !current.complete) || (!past && !saved.complete)) return;
    if (past && (!present || past.key <= present.key)) {
      if (present?.key === past.key) currentAt += 1;
      savedAt += 1;
      yield past;
    } else if (present) {
      currentAt += 1;
      yield present;
    } else return;
  }
}
