import type { Clock } from '@acmex/clock';
import { outbox } from '@acmex/orchestrator';
import { firstId, type Storage } from '@acmex/storage';
import { LRUCache } from 'lru-cache';

/** How soon a change by another process is seen. */
const interval = { milliseconds: 500 };
/** Clocks of machines differ by less, and a write becomes visible sooner. */
const overlapMs = 60_000;
const changes = new Set<string>(['certificate_obtained', 'renewal_success', 'certificate_removed']);
const expiries = new Set<string>(['certificate_expiring', 'certificate_expired']);

/**
 * Calls `onChanged` with the id of each certificate that is issued, renewed or removed, and
 * `onExpiring` with each that ends soon or has ended because it is not renewed, also by another
 * process with the same storage, until it is disposed of.
 */
export function followEvents(
  storage: Storage,
  {
    clock,
    onChanged,
    onExpiring,
    onError,
  }: {
    readonly clock: Clock;
    readonly onChanged: (id: string) => Promise<void>;
    readonly onExpiring: (id: string) => Promise<void>;
    readonly onError: (error: unknown) => void;
  },
): AsyncDisposable {
  const stop = new AbortController();
  const { signal } = stop;
  const seen = new LRUCache<string, true>({ max: 10_000 });
  const events = outbox(storage, { clock });
  /** Until when all events are read, in milliseconds since 1970. */
  let readUntil = clock.now().epochMilliseconds;
  const readNew = async () => {
    const begun = clock.now().epochMilliseconds;
    const after = firstId('evt', readUntil - overlapMs);
    for await (const { id, type, certificate } of events.list({ after, signal })) {
      if (seen.has(id)) continue;
      if (certificate !== undefined && changes.has(type)) await onChanged(certificate);
      if (certificate !== undefined && expiries.has(type)) await onExpiring(certificate);
      seen.set(id, true);
    }
    readUntil = begun;
  };
  const follow = async () => {
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await readNew();
        isFailing = false;
      } catch (error) {
        // Once, until it works again.
        if (!signal.aborted && !isFailing) onError(error);
        isFailing = true;
      }
      await clock.sleep(interval, { signal }).catch(() => undefined);
    }
  };
  const following = follow();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await following;
    },
  };
}
