import { type Clock, systemClock } from '@acmex/clock';
import type { Entry, Storage } from '@acmex/storage';
import type { Metrics } from './metrics.ts';
import { codeLabel } from './order-metrics.ts';

type Operation = 'get' | 'list' | 'snapshot' | 'write';

/**
 * Adds the metrics of a storage.
 * @returns a function that returns a storage whose operations are timed
 */
export function storageMetrics(
  metrics: Metrics,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): (storage: Storage) => Storage {
  const durations = metrics.histogram('storage_duration_seconds');
  const failures = metrics.counter('storage_failures_total');
  const observe = (operation: Operation, milliseconds: number) =>
    durations.observe({ operation }, milliseconds / 1000);
  const timed = async <T>(operation: Operation, work: () => Promise<T>): Promise<T> => {
    const begun = clock.monotonic();
    try {
      return await work();
    } catch (error) {
      failures.inc({ operation, code: codeLabel(error) });
      throw error;
    } finally {
      observe(operation, clock.monotonic() - begun);
    }
  };
  async function* timedList(operation: Operation, entries: () => AsyncIterable<Entry>) {
    let waited = 0;
    let since = clock.monotonic();
    try {
      for await (const entry of entries()) {
        waited += clock.monotonic() - since;
        yield entry;
        since = clock.monotonic();
      }
      waited += clock.monotonic() - since;
    } catch (error) {
      failures.inc({ operation, code: codeLabel(error) });
      throw error;
    } finally {
      observe(operation, waited);
    }
  }
  return (storage) => ({
    get: async (key, options) => await timed('get', () => storage.get(key, options)),
    list: (prefix, options) => timedList('list', () => storage.list(prefix, options)),
    snapshot: (options) => timedList('snapshot', () => storage.snapshot(options)),
    write: async (changes, options) => await timed('write', () => storage.write(changes, options)),
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
    },
  });
}
