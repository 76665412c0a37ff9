import type { Redis } from 'ioredis';
import type { InvalidValues } from './redis-values.ts';

/**
 * Does something with a key in Redis. Where the key has another type, removes it first, and counts
 * it.
 */
export async function ofType<T>(
  {
    client,
    key,
    invalidValues,
  }: { readonly client: Redis; readonly key: string; readonly invalidValues: InvalidValues },
  work: () => Promise<T>,
): Promise<T> {
  return await work().catch(async (error: unknown) => {
    if (!(error instanceof Error) || !error.message.startsWith('WRONGTYPE')) throw error;
    invalidValues.add('key', await client.del(key));
    return await work();
  });
}
