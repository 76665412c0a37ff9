import { randomBytes } from 'node:crypto';
import { type Entry, type ReadManyOptions, StorageUnavailableError } from '@acmex/storage';
import type { Connection } from './connection.ts';
import { entryOf } from './entry.ts';
import { entriesIn, type Found, inPage, type Keyspace, readable } from './keyspace.ts';
import { beginSnapshot, endSnapshot, evaluate, readSnapshot } from './scripts.ts';

/** How long a snapshot is kept for a reader that asks for nothing. */
const patience = 60_000;
const entriesAtOnce = 256;

/**
 * Every entry as it was at one moment. From that moment on each write first puts what it changes aside, for as long as the
 * snapshot is being read; what was put aside stands for what lies there now. So Redis is never held up by more than a page,
 * and pays by the memory of what is changed meanwhile.
 */
export async function* snapshotOf(
  { run }: Connection,
  keyspace: Keyspace,
  { signal, onCorrupt }: ReadManyOptions,
): AsyncIterable<Entry> {
  signal?.throwIfAborted();
  const own = keyspace.snapshot(randomBytes(12).toString('base64url'));
  const keys = [keyspace.snapshots, own];
  await run((redis) => evaluate(redis, beginSnapshot, keys, [patience]), { signal });
  try {
    for (let last: string | undefined = ''; last !== undefined;) {
      const from: string = last;
      const answer = await run(
        (redis) =>
          evaluate(
            redis,
            readSnapshot,
            [keyspace.index, own],
            [
              patience,
              `[${from}\x01`,
              from === '' ? '-' : `(${from}`,
              '+',
              entriesAtOnce,
              inPage,
              keyspace.entries,
            ],
          ),
        { signal },
      );
      if (answer === null)
        throw new StorageUnavailableError(
          'the snapshot is gone: Redis restarted, or nobody read on for a minute; begin again',
        );
      const [now, before] = answer as [unknown, (Buffer | null)[]];
      last = undefined;
      for (const { key, bytes, gone } of merged(entriesIn(now), putAside(before))) {
        signal?.throwIfAborted();
        last = key;
        const entry = gone ? undefined : readable(() => entryOf(key, bytes), onCorrupt);
        if (entry) yield entry;
      }
    }
  } finally {
    await run((redis) => evaluate(redis, endSnapshot, keys, [])).catch(() => {
      /* it goes by itself after a minute */
    });
  }
}

interface Past extends Found {
  /** Nothing lay there. */
  readonly gone?: boolean;
}

interface Page<T> {
  readonly complete: boolean;
  readonly found: readonly T[];
}

function putAside(members: readonly (Buffer | null)[]): Page<Past> {
  const found = members
    .filter((member) => member !== null)
    .map((member) => {
      const end = member.indexOf(0);
      const bytes = member.subarray(end + 1);
      return { key: member.toString('latin1', 0, end), bytes, gone: bytes.length === 0 };
    });
  return { complete: found.length < members.length, found };
}

/** In the order of the keys, what was put aside before what lies there now, up to where both are known. */
function* merged(now: Page<Found>, before: Page<Past>): Iterable<Past> {
  let [a, b] = [0, 0];
  for (;;) {
    const [present, past] = [now.found[a], before.found[b]];
    if ((!present && !now.complete) || (!past && !before.complete)) return;
    if (past && (!present || past.key <= present.key)) {
      if (present?.key === past.key) a += 1;
      b += 1;
      yield past;
    } else if (present) {
      a += 1;
      yield present;
    } else return;
  }
}
