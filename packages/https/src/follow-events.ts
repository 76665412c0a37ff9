import type { Clock } from '@acmex/clock';
import { outbox } from '@acmex/orchestrator';
import { firstId, type Storage } from '@acmex/storage';
import { LRUCache } from 'lru-cache';

/** How soon a change by another process is seen. */
const interval = { milliseconds: 500 };
/** Clocks of machines differ by less, and a write becomes visible sooner. */
const overlapMs = 60_000;
/** How soon a change is seen whose event is not: clocks differ by more, or an event is damaged. */
const recheckMs = 300_000;
const changes = new Set<string>(['certificate_obtained', 'renewal_success', 'certificate_removed']);
const followed = new Set<string>([...changes, 'certificate_expiring', 'certificate_expired']);

interface FollowOptions {
  readonly clock: Clock;
  /** Called again for a certificate until it succeeds. */
  readonly onChanged: (id: string) => Promise<void>;
  /** As `onChanged`, for a certificate that ends soon or has ended because it is not renewed. */
  readonly onExpiring: (id: string) => Promise<void>;
  /** Called every five minutes, to find what no event has said. */
  readonly onRecheck: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/**
 * Calls `onChanged` with the id of each certificate that is issued, renewed or removed, and
 * `onExpiring` with each that ends soon or has ended because it is not renewed, also by another
 * process with the same storage, until it is disposed of. A certificate that cannot be read does not
 * delay the others.
 */
export function followEvents(storage: Storage, options: FollowOptions): AsyncDisposable {
  const { clock, onChanged, onExpiring, onRecheck, onError } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const readNew = changeReader(storage, { clock, onError, signal });
  /** What events have said and is not done yet. */
  const pending = new Map<string, () => Promise<void>>();
  const failing = failureNotes(onError, signal);
  let recheckedAt = clock.monotonic();
  const recheck = async () => {
    if (clock.monotonic() - recheckedAt < recheckMs) return;
    recheckedAt = clock.monotonic();
    await onRecheck();
  };
  const note = (type: string, id: string) => {
    const isChange = changes.has(type);
    const subject = `${isChange ? 'changed' : 'expiring'} ${id}`;
    pending.set(subject, async () => {
      await (isChange ? onChanged(id) : onExpiring(id));
      pending.delete(subject);
    });
  };
  const follow = async () => {
    while (!signal.aborted) {
      await failing('events', async () => await readNew(note));
      for (const [subject, work] of pending) await failing(subject, work);
      await failing('recheck', recheck);
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

/** Returns what reads the changes since it was last called. */
function changeReader(
  storage: Storage,
  { clock, onError, signal }: Pick<FollowOptions, 'clock' | 'onError'> & { signal: AbortSignal },
): (onEvent: (type: string, certificate: string) => void) => Promise<void> {
  const seen = new LRUCache<string, true>({ max: 10_000 });
  const events = outbox(storage, { clock });
  /** Until when all events are read, in milliseconds since 1970. */
  let readUntil = clock.now().epochMilliseconds;
  const onCorrupt = (error: Error) => {
    const key = `damaged ${error.message}`;
    if (!seen.has(key)) onError(error);
    seen.set(key, true);
  };
  return async (onEvent) => {
    const begun = clock.now().epochMilliseconds;
    const after = firstId('evt', readUntil - overlapMs);
    for await (const { id, type, certificate } of events.list({ after, signal, onCorrupt })) {
      if (seen.has(id)) continue;
      if (certificate !== undefined && followed.has(type)) onEvent(type, certificate);
      seen.set(id, true);
    }
    readUntil = begun;
  };
}

/** Returns what does work and reports its failure once, until it succeeds again. */
function failureNotes(onError: (error: unknown) => void, signal: AbortSignal) {
  const failing = new Set<string>();
  return async (subject: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      failing.delete(subject);
    } catch (error) {
      if (!signal.aborted && !failing.has(subject)) onError(error);
      failing.add(subject);
    }
  };
}
