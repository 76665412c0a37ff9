import { type Clock, retry, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { StorageError } from './errors.ts';
import { type JsonRecord, jsonRecord, type RecordKind } from './record.ts';
import type { Change, Entry, ListOptions, Storage } from './storage.ts';

/** A record as it was read, with what is needed to write its successor. */
export interface Stored<T> {
  readonly key: string;
  readonly record: T;
  readonly version: string;
}

/** The records of one kind, each under `<under>/<id>`. */
export interface Records<T> {
  read(storage: Storage, id: string): Promise<Stored<T> | undefined>;
  /**
   * In the order of their ids; `under` is the beginning of an id, as far as a `/`. Those whose keys
   * `skip` returns true for are left out, and are not read as records.
   */
  list(
    storage: Storage,
    options?: ListOptions & {
      readonly under?: string;
      readonly skip?: ((key: string) => boolean) | undefined;
    },
  ): AsyncIterable<Stored<T>>;
  /**
   * An entry that was read as one of them.
   * @throws CorruptEntryError; StorageError `ERR_STORAGE_NEWER`
   */
  parse(entry: Entry): Stored<T>;
  key(id: string): string;
  /** Writes a record that must not be there yet. */
  added(id: string, record: T): Change;
  /** Writes a record in place of one that must not have changed since it was read. */
  changed(stored: Stored<T>, record: T): Change;
  /** Writes a record, whatever is there. */
  put(id: string, record: T): Change;
}

export interface RecordsOptions<T> extends RecordKind<T> {
  /** What their keys begin with, without the `/` behind it. */
  readonly under: string;
  /** Whether the values must not be stored in clear text where others can read them. */
  readonly secret?: boolean;
  /**
   * Whether there may be very many, with ids of `newId`: each is stored below two parts of its id's
   * time, nine hours and half a minute long, so that a list in pages reads few of them, also where
   * a part of a key is a folder.
   */
  readonly many?: boolean;
}

export function records<T>({
  under: prefix,
  secret = false,
  many = false,
  ...kind
}: RecordsOptions<T>): Records<T> {
  const json = secret ? jsonRecord<T>(kind) : remembering(jsonRecord<T>(kind));
  const key = (id: string) => `${prefix}/${many ? timeOf(id) : ''}${id}`;
  const stored = (entry: Entry): Stored<T> => ({
    key: entry.key,
    record: json.read(entry),
    version: entry.version,
  });
  const set = (id: string, record: T) => ({
    set: key(id),
    value: json.bytes(record),
    ...(secret ? { secret } : {}),
  });
  return {
    key,
    parse: stored,
    async read(storage, id) {
      const entry = await storage.get(key(id));
      return entry && stored(entry);
    },
    async *list(storage, { under, skip, ...options } = {}) {
      const { onCorrupt } = options;
      for await (const entry of storage.list(under === undefined ? prefix : key(under), options)) {
        if (skip?.(entry.key)) continue;
        const record = onCorrupt ? readable(() => stored(entry), onCorrupt) : stored(entry);
        if (record) yield record;
      }
    },
    added: (id, record) => ({ ...set(id, record), ifVersion: null }),
    changed: (old, record) => ({
      set: old.key,
      value: json.bytes(record),
      ifVersion: old.version,
      ...(secret ? { secret } : {}),
    }),
    put: set,
  };
}

/** How many records of one kind are remembered. */
const remembered = 256;

/**
 * Reads a record again only if its text has changed: to check it against its schema takes longer
 * than to compare it. Not for secrets, which are kept no longer than needed.
 */
function remembering<T>(json: JsonRecord<T>): JsonRecord<T> {
  const known = new Map<string, { readonly text: string; readonly record: T }>();
  const decoder = new TextDecoder();
  return {
    bytes: json.bytes,
    read({ key, value }) {
      const last = known.get(key);
      const text = decoder.decode(value);
      if (last?.text === text) return last.record;
      const record = json.read({ key, value });
      known.delete(key);
      known.set(key, { text, record });
      const [oldest] = known.keys();
      if (known.size > remembered && oldest !== undefined) known.delete(oldest);
      return record;
    },
  };
}

/** Returns what was read; undefined where it cannot be read and `onCorrupt` was called. */
function readable<T>(read: () => T, onCorrupt: (error: Error) => void): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    onCorrupt(error);
    return undefined;
  }
}

/**
 * `01kax/2b/` of `evt_01kax2b…`. What is shorter comes before all that begin so, as it does
 * itself.
 */
function timeOf(id: string): string {
  const time = id.slice(id.indexOf('_') + 1).padEnd(7, '0');
  return `${time.slice(0, 5)}/${time.slice(5, 7)}/`;
}

/** The id that a record's key ends with. */
export function idOf({ key }: Pick<Stored<unknown>, 'key'>): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/** How long writers of one record wait for each other before they try again. */
const conflictBackoff = { first: { milliseconds: 2 }, longest: { milliseconds: 500 }, jitter: 1 };
/** A hundred writers of one record need about a second; a write that never succeeds ends here. */
const conflictLimit = { seconds: 30 };

/**
 * Does `work` again while others write what it wants to write: it reads, decides, and writes if
 * nothing has changed. The pauses grow and are random, so that any number of writers succeed, one
 * after the other.
 * @throws ConflictError when others have changed it for 30 seconds; and what `work` throws
 */
export async function untilWritten<T>(
  work: () => Promise<T>,
  {
    clock = systemClock,
    random,
  }: {
    readonly clock?: Clock | undefined;
    /** 0 ≤ random() < 1; for the pauses. */
    readonly random?: (() => number) | undefined;
  } = {},
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
  }
  const policy = {
    attempts: Infinity,
    backoff: conflictBackoff,
    limit: conflictLimit,
    random,
    again: (outcome: PromiseSettledResult<T>) =>
      outcome.status === 'rejected' && errorCode(outcome.reason) === 'ERR_STORAGE_CONFLICT',
  };
  return await retry(clock, policy, work);
}

/**
 * Writes changes unless a key has changed since it was read.
 * @returns whether they were written
 */
export async function writeIfUnchanged(
  storage: Pick<Storage, 'write'>,
  changes: readonly Change[],
): Promise<boolean> {
  try {
    await storage.write(changes);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ERR_STORAGE_CONFLICT') return false;
    throw error;
  }
}
