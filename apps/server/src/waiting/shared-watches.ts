import type { Clock } from '@acmex/clock';
import { ServerError } from '../errors.ts';

export interface SharedWatchesOptions {
  readonly clock: Clock;
  /** The least time between two reads of one record. */
  readonly pauseMs: number;
  /** How many may watch for one tenant at once. */
  readonly maxPerTenant: number;
  /** What those who watch do, for the message that refuses another: "wait for certificates". */
  readonly activity: string;
}

export interface WatchRequest<T> {
  readonly tenant: string;
  /** The record's id, unique in the tenant. */
  readonly id: string;
  /** Reads the record, whichever process wrote it. */
  readonly read: () => Promise<T>;
  /** The watch ends when it aborts. */
  readonly signal: AbortSignal;
}

/** A record that is watched. It counts until it is disposed of, or its signal aborts. */
export interface Watch<T> extends Disposable {
  /** Returns the record as the last shared read saw it. */
  read(): Promise<T>;
  /** Waits until another read is due, `limitMs` at most. Returns early when the signal aborts. */
  pause(limitMs?: number): Promise<void>;
}

/** A record with those who watch it. */
interface WatchedRecord<T> {
  watchers: number;
  /** The last read; undefined before the first. */
  last: { readonly atMs: number; readonly record: Promise<T> } | undefined;
}

/** How much longer each watched record makes the time between two reads of every record. */
const pausePerRecordMs = 5;

/**
 * Records that requests watch. All who watch the same record share each read, and however many
 * records are watched, the storage is read 200 times a second at most.
 */
export class SharedWatches<T> {
  readonly #options: SharedWatchesOptions;
  readonly #perTenant = new Map<string, number>();
  readonly #records = new Map<string, WatchedRecord<T>>();

  constructor(options: SharedWatchesOptions) {
    this.#options = options;
  }

  /**
   * Begins to watch a record. Nothing is read before the first `read`.
   * @throws ServerError `ERR_SERVER_BUSY` where as many of the tenant watch as may
   */
  begin({ tenant, id, read, signal }: WatchRequest<T>): Watch<T> {
    this.#assertRoom(tenant);
    const key = `${tenant}/${id}`;
    const watched = this.#records.get(key) ?? { watchers: 0, last: undefined };
    this.#records.set(key, watched);
    this.#perTenant.set(tenant, this.#watchersOf(tenant) + 1);
    watched.watchers += 1;
    let hasEnded = false;
    const end = () => {
      if (hasEnded) return;
      signal.removeEventListener('abort', end);
      hasEnded = true;
      watched.watchers -= 1;
      if (watched.watchers === 0) this.#records.delete(key);
      this.#release(tenant);
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    return {
      read: async () => await this.#read(watched, read),
      pause: async (limitMs = Infinity) => await this.#pause(limitMs, signal),
      [Symbol.dispose]: end,
    };
  }

  async #read(watched: WatchedRecord<T>, read: () => Promise<T>): Promise<T> {
    const atMs = this.#options.clock.monotonic();
    const { last } = watched;
    const current = last && atMs - last.atMs < this.#betweenMs() ? last : { atMs, record: read() };
    watched.last = current;
    return await current.record;
  }

  async #pause(limitMs: number, signal: AbortSignal): Promise<void> {
    const milliseconds = Math.min(this.#betweenMs(), Math.max(1, Math.ceil(limitMs)));
    await this.#options.clock.sleep({ milliseconds }, { signal }).catch(() => {
      /* the request has ended */
    });
  }

  #betweenMs(): number {
    return Math.max(this.#options.pauseMs, this.#records.size * pausePerRecordMs);
  }

  #assertRoom(tenant: string): void {
    const { maxPerTenant, activity } = this.#options;
    if (this.#watchersOf(tenant) < maxPerTenant) return;
    throw new ServerError(
      'ERR_SERVER_BUSY',
      `${maxPerTenant} requests of the tenant ${tenant} ${activity} already`,
      { retryAfter: 10 },
    );
  }

  #release(tenant: string): void {
    const watchers = this.#watchersOf(tenant) - 1;
    if (watchers > 0) this.#perTenant.set(tenant, watchers);
    else this.#perTenant.delete(tenant);
  }

  #watchersOf(tenant: string): number {
    return this.#perTenant.get(tenant) ?? 0;
  }
}
