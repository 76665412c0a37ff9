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
      throw new TypeError('it holds no number');
    return { writes };
  },
});

/** Each process takes so many at a time, so that counting costs no write of its own most of the time. */
const block = 2 ** 16;
/** With nonces of 96 random bits a key may encrypt 2^32 values. NIST SP 800-38D §8.3 */
const most = 2 ** 32;

/** Counts what a key encrypts, over all processes, and never too little. @returns takes so many writes; @throws StorageError `ERR_STORAGE_ENCRYPTION` when the key is used up */
export function writeCount(
  storage: Storage,
  keyId: string,
): (writes: number, signal?: AbortSignal) => Promise<void> {
  const key = `${sentinelKey}/writes/${keyId}`;
  let left = 0;
  const reserve = async (signal: AbortSignal | undefined) => {
    const entry = await storage.get(key, { signal });
    const writes = (entry ? record.read(entry).writes : 0) + block;
    if (writes > most)
      throw new StorageError(
        'ERR_STORAGE_ENCRYPTION',
        `the encryption key ${keyId} has encrypted 2^32 values and may encrypt no more: \`acmex storage rotate-key\` goes over to a new one`,
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
