import type { Storage } from '@acmex/storage';
import type { Counts } from './limits.testing.ts';

/** A storage that counts what is asked of it, until `take` returns the counts and begins again. */
export interface CountingStorage extends Storage {
  take(): Counts;
}

const nothing = { get: 0, list: 0, 'listed entries': 0, write: 0, 'changed keys': 0, bytes: 0 };

/** Counts what reaches a storage. `bytes`: of the values that are written. */
export function countingStorage(storage: Storage): CountingStorage {
  let counts = { ...nothing };
  return {
    async get(...args) {
      counts.get += 1;
      return await storage.get(...args);
    },
    async *list(...args) {
      counts.list += 1;
      for await (const entry of storage.list(...args)) {
        counts['listed entries'] += 1;
        yield entry;
      }
    },
    snapshot: (...args) => storage.snapshot(...args),
    async write(changes, ...rest) {
      counts.write += 1;
      counts['changed keys'] += changes.filter((change) => !('check' in change)).length;
      for (const change of changes) counts.bytes += 'set' in change ? change.value.length : 0;
      return await storage.write(changes, ...rest);
    },
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
    },
    take() {
      const taken = counts;
      counts = { ...nothing };
      return taken;
    },
  };
}
