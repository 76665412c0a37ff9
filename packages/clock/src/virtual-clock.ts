import { Temporal } from 'temporal-polyfill';
import { type Clock, type DurationInput, type InstantInput, milliseconds } from './clock.ts';

/** A clock that stands still until it is told to move. */
export interface VirtualClock extends Clock {
  /** Moves on by `duration`, waking each sleeper at its moment and in order; what the sleepers then do runs before the next wakes. */
  advance(duration: DurationInput): Promise<void>;
  /** Moves on from sleeper to sleeper until `work` is settled, and returns what it returns. @throws Error when nothing sleeps and `work` still waits */
  run<T>(work: Promise<T>): Promise<T>;
  /** How many sleep now. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock for tests: no test waits, and none depends on how fast the machine is. */
export function virtualClock({
  now = '2026-01-01T00:00:00Z',
}: { readonly now?: InstantInput } = {}): VirtualClock {
  const origin = Temporal.Instant.from(now);
  let time = 0;
  let sleepers: readonly Sleeper[] = [];

  const next = (until: number) =>
    sleepers
      .filter(({ at }) => at <= until)
      .reduce<Sleeper | undefined>(
        (first, one) => (first && first.at <= one.at ? first : one),
        undefined,
      );
  const wake = (sleeper: Sleeper) => {
    time = Math.max(time, sleeper.at);
    sleepers = sleepers.filter((one) => one !== sleeper);
    sleeper.wake();
  };

  return {
    now: () => origin.add({ nanoseconds: Math.round(time * 1e6) }),
    monotonic: () => time,
    get sleepers() {
      return sleepers.length;
    },
    sleep: (duration, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const abort = () => {
          sleepers = sleepers.filter((one) => one !== sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          at: time + milliseconds(duration),
          wake: () => {
            signal?.removeEventListener('abort', abort);
            resolve();
          },
        };
        sleepers = [...sleepers, sleeper];
        signal?.addEventListener('abort', abort, { once: true });
      }),
    async advance(duration) {
      const until = time + milliseconds(duration);
      await settled();
      for (let sleeper = next(until); sleeper; sleeper = next(until)) {
        wake(sleeper);
        await settled();
      }
      time = until;
    },
    async run(work) {
      let done = false;
      const end = () => {
        done = true;
      };
      work.then(end, end);
      for (await settled(); !done; await settled()) {
        // What is under way outside of this clock (a signature, a socket) gets real time before a far moment is jumped to.
        const near = next(time + 5000);
        const sleeper =
          near ??
          (await patiently(
            () => (done ? undefined : next(Infinity)),
            () => done || next(time + 5000) !== undefined,
          ));
        if (sleeper) wake(sleeper);
        else if (!done)
          throw new Error('virtualClock: the work waits, but nothing sleeps on this clock');
      }
      return await work;
    },
  };
}

/** Lets everything that is ready run: a few turns of the event loop. */
async function settled(turns = 5, enough: () => boolean = () => false): Promise<void> {
  for (let turn = 0; turn < turns && !enough(); turn++)
    await new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Waits 50 turns for a sign that the work continues, and far longer before it reports that there is
 * nothing to wait for. In each turn it also waits for work of its own in the thread pool: if the
 * machine is loaded, a turn takes as long as the signatures that the tested work waits for.
 */
async function patiently<T>(
  find: () => T | undefined,
  enough: () => boolean,
): Promise<T | undefined> {
  await poolTurns(50, enough);
  if (find() === undefined) await poolTurns(3000, () => enough() || find() !== undefined);
  return find();
}

async function poolTurns(turns: number, enough: () => boolean): Promise<void> {
  for (let turn = 0; turn < turns && !enough(); turn++) {
    await settled(1);
    await Promise.all(
      Array.from({ length: poolThreads }, () => crypto.subtle.digest('SHA-256', block)),
    );
  }
}

/** The usual size of the thread pool in which a runtime does cryptography. */
const poolThreads = 4;
const block = new Uint8Array(1024);
