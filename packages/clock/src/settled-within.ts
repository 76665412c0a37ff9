import type { Clock, DurationInput } from './clock.ts';

/**
 * Waits until all work has ended, well or not, but no longer than `limit` on the clock.
 *
 * @returns whether all of it has ended
 */
export async function settledWithin(
  limit: DurationInput,
  work: Iterable<Promise<unknown>>,
  clock: Clock,
): Promise<boolean> {
  const ended = new AbortController();
  const timeIsUp = clock.sleep(limit, { signal: ended.signal }).then(
    () => false,
    () => true,
  );
  const allEnded = Promise.allSettled(work).then(() => true);
  try {
    return await Promise.race([allEnded, timeIsUp]);
  } finally {
    ended.abort('the wait has ended');
  }
}
