/**
 * Runs work on named things: on each name one piece of work at a time, in the order of the calls.
 */
export type KeyedMutex = <T>(
  name: string,
  work: () => Promise<T>,
  options?: { readonly signal?: AbortSignal | undefined },
) => Promise<T>;

/**
 * Creates a mutex with a lock for each name. It holds within this process only.
 * Work whose signal aborts before its turn never begins; it rejects with the signal's reason.
 */
export function keyedMutex(): KeyedMutex {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work, { signal } = {}) => {
    const previous = last.get(name);
    const current = (async () => {
      await previous?.catch(() => {
        /* reported to its own caller */
      });
      signal?.throwIfAborted();
      return await work();
    })();
    last.set(name, current);
    try {
      return await current;
    } finally {
      if (last.get(name) === current) last.delete(name);
    }
  };
}
