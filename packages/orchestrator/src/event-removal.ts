import type { Clock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { outbox, type PruneOptions } from './events.ts';

/** How long events are stored. */
const retention = { hours: 90 * 24 };
const pause = { hours: 1 };
/** Between two steps while there are more old events than one step removes. */
const shortPause = { seconds: 1 };

/** Where events are, and which subscribers do not receive them any more. */
export interface StoredEvents extends Pick<PruneOptions, 'retired'> {
  readonly storage: Storage;
}

export interface EventRemovalOptions {
  /** Called at each step. */
  readonly stores: () => Iterable<StoredEvents>;
  readonly clock: Clock;
  /** Called with each failure; the events are removed by a later step. */
  readonly onError: (error: unknown) => void;
}

/**
 * Removes events that are older than 90 days and that every subscriber has received, at most 1000.
 * @returns whether there may be more
 */
export async function removeOldEvents(
  { storage, retired }: StoredEvents,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<boolean> {
  const limit = 1000;
  const removed = await outbox(storage, { clock }).prune(retention, { limit, retired, signal });
  return removed === limit;
}

/**
 * Starts to remove old events once an hour, as `removeOldEvents` does, until it is disposed of. Any
 * number of processes may do this with one storage.
 */
export function startEventRemoval(options: EventRemovalOptions): AsyncDisposable {
  const { clock } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = async () => {
    for (let hasMore = false; ; hasMore = await removeStep(options, signal))
      await clock.sleep(hasMore ? shortPause : pause, { signal });
  };
  const ended = running().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

/** @returns whether there may be more in one of the storages */
async function removeStep(
  { stores, clock, onError }: EventRemovalOptions,
  signal: AbortSignal,
): Promise<boolean> {
  let hasMore = false;
  for (const store of stores()) {
    try {
      const isFull = await removeOldEvents(store, { clock, signal });
      hasMore ||= isFull;
    } catch (error) {
      signal.throwIfAborted();
      onError(error);
    }
  }
  return hasMore;
}
