import { errorCode } from './errors.ts';
import { jsonRecord, type RecordKind } from './record.ts';
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
  /** In the order of their ids; `under` is the beginning of an id, as far as a `/`. */
  list(storage: Storage, options?: ListOptions & { readonly under?: string }): AsyncIterable<Stored<T>>;
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
  /** Whether the values must not lie in clear where others can read them. */
  readonly secret?: boolean;
}

export function records<T>({ under: prefix, secret = false, ...kind }: RecordsOptions<T>): Records<T> {
  const json = jsonRecord<T>(kind);
  const key = (id: string) => `${prefix}/${id}`;
  const stored = (entry: Entry): Stored<T> => ({ key: entry.key, record: json.read(entry), version: entry.version });
  const set = (id: string, record: T) => ({ set: key(id), value: json.bytes(record), ...(secret ? { secret } : {}) });
  return {
    key,
    async read(storage, id) {
      const entry = await storage.get(key(id));
      return entry && stored(entry);
    },
    async* list(storage, { under, ...options } = {}) {
      for await (const entry of storage.list(under === undefined ? prefix : key(under), options)) yield stored(entry);
    },
    added: (id, record) => ({ ...set(id, record), ifVersion: null }),
    changed: (old, record) => ({ set: old.key, value: json.bytes(record), ifVersion: old.version, ...(secret ? { secret } : {}) }),
    put: set,
  };
}

/** The id that a record's key ends with. */
export function idOf({ key }: Pick<Stored<unknown>, 'key'>): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/** Does `work` again while others write what it wants to write: it reads, decides, and writes if nothing has changed. */
export async function untilWritten<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (errorCode(error) !== 'ERR_STORAGE_CONFLICT' || attempt === 20) throw error;
    }
  }
}
