import { errorCode } from '@acmex/errors';
import { checkedChanges, checkedKey } from './bounds.ts';
import { ConflictError } from './errors.ts';
import type { Change, Entry, Storage } from './storage.ts';

/**
 * A part of a storage as a storage of its own: every key in it begins with `scope/`, and nothing
 * outside of it can be named. Its disposal leaves the whole storage open.
 * @param scope one part of a key, or several
 */
export function scopedStorage(storage: Storage, scope: string): Storage {
  checkedKey(scope);
  const outer = (key: string) => `${scope}/${key}`;
  const inner = <T extends Entry>(entry: T): T => ({
    ...entry,
    key: entry.key.slice(scope.length + 1),
  });
  const moved = (change: Change): Change => {
    if ('set' in change) return { ...change, set: outer(change.set) };
    return 'remove' in change
      ? { ...change, remove: outer(change.remove) }
      : { ...change, check: outer(change.check) };
  };
  return {
    async get(key, options) {
      const entry = await storage.get(outer(key), options);
      return entry && inner(entry);
    },
    async *list(prefix, { after, ...options } = {}) {
      for await (const entry of storage.list(prefix === '' ? scope : outer(prefix), {
        ...options,
        ...(after === undefined ? {} : { after: outer(after) }),
      }))
        yield inner(entry);
    },
    async *snapshot(options) {
      for await (const entry of storage.snapshot(options))
        if (entry.key.startsWith(outer(''))) yield inner(entry);
    },
    write: async (changes, options) =>
      await storage.write(checkedChanges(changes).map(moved), options).catch((error: unknown) => {
        // A failed key is named as the caller knows it.
        if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
        throw new ConflictError(String((error as ConflictError).key).slice(scope.length + 1));
      }),
    async [Symbol.asyncDispose]() {
      /* the code that opened the whole storage closes it */
    },
  };
}
