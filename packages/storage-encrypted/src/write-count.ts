import { errorCode } from '@acmex/errors';
import { jsonRecord, type Storage, StorageError } from '@acmex/storage';
import { sentinelKey } from './sentinel.ts';

interface Count {
  readonly writes: number;
}
const record = jsonRecord<Count>({
  kind: 'count of writes',
  version: 1,
  check(read) {
    const { writes } = read as { readonly writes?: unknown };
    if (typeof writes !== 'number' || !Number.isInteger(writes))
      throw new TypeError('it does not contain a number');
    return { writes };
  },
});

/** How many writes a process reserves at a time, so that few writes need an update of the count. */
const block = 2 ** 16;
/** With nonces of 96 random bits a key may encrypt 2^32 values. NIST SP 800-38D §8.3 */
const limit = 2 ** 32;

/**
 * Counts the values that a key encrypts, over all processes; the count is never too low.
 *
 * @returns a function that counts a number of writes
 * @throws StorageError `ERR_STORAGE_ENCRYPTION` when the key has reached its limit
 */
export function writeCount(
  storage: Storage,
  keyId: string,
): (writes: number, signal?: AbortSignal) => Promise<void> {
  const key = `${sentinelKey}/writes/${keyId}`;
  let left = 0;
  const reserve = async (signal: AbortSignal | undefined) => {
    const entry = await storage.get(key, { signal });
    const writes = (entry ? record.read(entry).writes : 0) + block;
    if (writes > limit)
      throw new StorageError(
        'ERR_STORAGE_ENCRYPTION',
        `the encryption key ${keyId} has encrypted 2^32 values and may encrypt no more: \`acmex storage rotate-key\` replaces it`,
      );
    await storage.write(
      [{ set: key, value: record.bytes({ writes }), ifVersion: entry?.version ?? null }],
      { signal },
    );
    left += block;
  };
  return async (writes, signal) => {
    while (left < writes) {
      await reserve(signal).catch((error: unknown) => {
        if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
      });
    }
    left -= writes;
  };
}
