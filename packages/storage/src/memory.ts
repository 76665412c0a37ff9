import sorted from 'sorted-btree';
import { checkedChanges, checkedKey, checkedPrefix, keyOf } from './bounds.ts';
import { ConflictError } from './errors.ts';
import type { Change, Entry, Storage } from './storage.ts';

/**
 * A storage that lives as long as the process, for tests and for programs that need nothing to
 * last.
 */
export function memoryStorage(): Storage {
  const entries = new sorted.default<string, Entry>(undefined, (a, b) => {
    if (a === b) return 0;
    return a < b ? -1 : 1;
  });
  let written = 0;

  const versionOf = (key: string) => entries.get(key)?.version ?? null;
  const apply = (change: Change): string[] => {
    if ('remove' in change) entries.delete(change.remove);
    if (!('set' in change)) return [];
    const version = String(++written);
    entries.set(change.set, {
      key: change.set,
      value: Uint8Array.from(change.value),
      version,
      secret: change.secret ?? false,
    });
    return [version];
  };

  return {
    async get(key, { signal } = {}) {
      signal?.throwIfAborted();
      const entry = entries.get(checkedKey(key));
      return entry && copied(entry);
    },
    async *list(prefix, { after, limit = Infinity, signal } = {}) {
      signal?.throwIfAborted();
      const first = checkedPrefix(prefix) === '' ? '' : `${prefix}/`;
      let last = after === undefined || after < first ? first : after;
      for (let left = limit; left > 0; left -= 1) {
        signal?.throwIfAborted();
        const [key, entry] = entries.nextHigherPair(last) ?? [];
        if (key === undefined || entry === undefined || !key.startsWith(first)) return;
        last = key;
        yield copied(entry);
      }
    },
    async *snapshot({ signal } = {}) {
      signal?.throwIfAborted();
      for (const entry of entries.clone().values()) {
        signal?.throwIfAborted();
        yield copied(entry);
      }
    },
    async write(changes, { signal } = {}) {
      signal?.throwIfAborted();
      const conflict = checkedChanges(changes).find(
        (change) => change.ifVersion !== undefined && change.ifVersion !== versionOf(keyOf(change)),
      );
      if (conflict) throw new ConflictError(keyOf(conflict));
      return changes.flatMap(apply);
    },
    async [Symbol.asyncDispose]() {
      /* nothing is open */
    },
  };
}

/** Its own bytes: what a caller does to them changes nothing here. */
function copied(entry: Entry): Entry {
  return { ...entry, value: new Uint8Array(entry.value) };
}
