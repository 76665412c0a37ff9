import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { checkedKey } from './bounds.ts';
import { LockLostError, StorageError } from './errors.ts';
import { jsonRecord } from './record.ts';
import type { Change, Storage } from './storage.ts';

export interface LockOptions {
  /**
   * How long a holder may be silent before another takes over; 10 seconds by default. It renews
   * three times as often.
   */
  readonly lease?: DurationInput | undefined;
  /** Ends the waiting. A lock that is held is given back by `release`. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/** A lock that is held. `await using` gives it back. */
export interface Lock extends AsyncDisposable {
  readonly name: string;
  /**
   * Grows at each take-over, also over restarts of everyone: what knows nothing of storage can
   * refuse an older one.
   */
  readonly token: number;
  /**
   * Fencing: put into a write, it lets the write pass only while no other has taken over. It stays
   * the same while the lock is held.
   */
  readonly check: Change;
  /** Aborts with a LockLostError when the lock is lost. */
  readonly signal: AbortSignal;
  /**
   * `storage.write` with `check` among the changes.
   * @throws LockLostError, besides what `write` throws
   */
  write(
    changes: readonly Change[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly string[]>;
  /** Gives it back; repeated, or after it was lost: nothing happens. */
  release(): Promise<void>;
}

interface Held {
  readonly token: number;
  readonly held: boolean;
}
/** How long the holder of a lock may be silent by default. */
export const defaultLease = { seconds: 10 } as const satisfies DurationInput;

/** Milliseconds between two looks at a lock that another holds. */
const longestPause = 500;
const record = jsonRecord<Held>({
  kind: 'lock',
  version: 1,
  check(read) {
    const { token, held } = read as Readonly<Record<keyof Held, unknown>>;
    if (!Number.isSafeInteger(token) || typeof held !== 'boolean')
      throw new TypeError('its token or its state is missing: remove it when no program runs');
    return { token: Number(token), held };
  },
});

/**
 * Waits for a lock and holds it. The same for every driver: `lock/<name>` says who holds it and
 * changes only when the holder does; `lock/<name>/beat` is written again while the holder lives. A
 * waiter takes over after it has seen the same beat for a whole lease on its own monotonic clock,
 * so that no two clocks are compared. A released lock leaves its record, which keeps the token
 * growing: anyone who removes what the lock guards removes `lock/<name>` in the same write.
 * @param name parts as in a key
 */
export async function acquireLock(
  storage: Storage,
  name: string,
  { lease = defaultLease, signal, clock = systemClock }: LockOptions = {},
): Promise<Lock> {
  const key = checkedKey(`lock/${name}`);
  const beat = checkedKey(`${key}/beat`);
  const span = milliseconds(lease);
  let pause = 10;
  let seen: { readonly beat: string | null; readonly since: number } | undefined;

  for (;;) {
    signal?.throwIfAborted();
    const holder = await storage.get(key, { signal });
    const sign = (await storage.get(beat, { signal }))?.version ?? null;
    const { token = 0, held = false } = holder ? record.read(holder) : {};
    if (seen?.beat !== sign) seen = { beat: sign, since: clock.monotonic() };
    const left = seen.since + span - clock.monotonic();
    if (held && left > 0) {
      await clock.sleep({ milliseconds: Math.ceil(Math.min(left, pause)) }, { signal });
      pause = Math.min(pause * 1.5, longestPause, span / 8);
      continue;
    }
    const next: Held = { token: Math.max(token + 1, clock.now().epochMilliseconds), held: true };
    try {
      const [version] = await storage.write(
        [
          { set: key, value: record.bytes(next), ifVersion: holder?.version ?? null },
          { set: beat, value: new Uint8Array(), ifVersion: sign },
        ],
        { signal },
      );
      if (version === undefined)
        throw new StorageError(
          'ERR_STORAGE_UNAVAILABLE',
          `the storage gave no version for ${key}`,
          { key },
        );
      return holding(storage, { name, key, beat, version, token: next.token, span, clock });
    } catch (error) {
      if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
      seen = undefined;
    }
  }
}

interface Holding {
  readonly name: string;
  readonly key: string;
  readonly beat: string;
  readonly version: string;
  readonly token: number;
  /** The lease in milliseconds. */
  readonly span: number;
  readonly clock: Clock;
}

function holding(
  storage: Storage,
  { name, key, beat, version, token, span, clock }: Holding,
): Lock {
  const check: Change = { check: key, ifVersion: version };
  const lost = new AbortController();
  const ended = new AbortController();
  /** @throws LockLostError where the lock's own key was the one that had changed */
  const fenced = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (errorCode(error) !== 'ERR_STORAGE_CONFLICT' || keyIn(error) !== key) throw error;
      const failure = new LockLostError(key, { cause: error });
      lost.abort(failure);
      ended.abort();
      throw failure;
    }
  };
  const write: Lock['write'] = (changes, options) =>
    fenced(storage.write([...changes, check], options));

  /**
   * A beat that fails for another reason is tried again: the lease is judged by the waiters alone.
   */
  const beating = (async () => {
    for (;;) {
      await clock.sleep({ milliseconds: Math.ceil(span / 3) }, { signal: ended.signal });
      await write([{ set: beat, value: new Uint8Array() }], { signal: ended.signal }).catch(() => {
        /* the next beat or the next write finds out */
      });
    }
  })().catch(() => {
    /* ended */
  });

  const giveBack = async () => {
    ended.abort();
    await beating;
    if (lost.signal.aborted) return;
    await fenced(
      storage.write([
        { set: key, value: record.bytes({ token, held: false }), ifVersion: version },
        { remove: beat },
      ]),
    ).catch((error: unknown) => {
      if (errorCode(error) !== 'ERR_STORAGE_LOCK_LOST') throw error;
    });
  };
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= giveBack();
    return released;
  };
  return {
    name,
    token,
    check,
    signal: lost.signal,
    write,
    release,
    [Symbol.asyncDispose]: release,
  };
}

function keyIn(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'key' in error ? error.key : undefined;
}
