import { Temporal } from 'temporal-polyfill';
import {
  type Clock,
  type DurationInput,
  type InstantInput,
  milliseconds,
  type SleepOptions,
} from './clock.ts';

/** A clock that moves only when a test moves it. */
export interface VirtualClock extends Clock {
  /**
   * Moves by `duration` and wakes each sleeper at its moment, in order. The work of a sleeper runs
   * before the next one wakes.
   */
  advance(duration: DurationInput): Promise<void>;
  /**
   * Moves from sleeper to sleeper until `work` is settled, and returns what it returns.
   *
   * @throws Error when nothing sleeps and `work` still waits
   */
  run<T>(work: Promise<T>): Promise<T>;
  /** How many sleepers there are now. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Creates a clock for tests: no test waits, and none depends on the speed of the machine. */
export function virtualClock({
  now = '2026-01-01T00:00:00Z',
}: { readonly now?: InstantInput } = {}): VirtualClock {
  const origin = Temporal.Instant.from(now);
  const timeline = new Timeline();
  return {
    now: () => origin.add({ nanoseconds: Math.round(timeline.time * 1e6) }),
    monotonic: () => timeline.time,
    get sleepers() {
      return timeline.count;
    },
    sleep: (duration, options) => timeline.sleep(milliseconds(duration), options),
    async advance(duration) {
      const until = timeline.time + milliseconds(duration);
      await settled();
      for (let sleeper = timeline.next(until); sleeper; sleeper = timeline.next(until)) {
        timeline.wake(sleeper);
        await settled();
      }
      timeline.time = until;
    },
    run: (work) => runUntilSettled(timeline, work),
  };
}

/** The time of a virtual clock, in milliseconds from its origin, and who sleeps until when. */
class Timeline {
  time = 0;
  #sleepers: readonly Sleeper[] = [];

  get count(): number {
    return this.#sleepers.length;
  }

  sleep(lengthMs: number, { signal }: SleepOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        this.#remove(sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        at: this.time + lengthMs,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      this.#sleepers = [...this.#sleepers, sleeper];
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Returns the first sleeper to wake, if it wakes by `until`. */
  next(until: number): Sleeper | undefined {
    return this.#sleepers
      .filter(({ at }) => at <= until)
      .reduce<Sleeper | undefined>(
        (first, sleeper) => (first && first.at <= sleeper.at ? first : sleeper),
        undefined,
      );
  }

  /** Moves to the moment of a sleeper and wakes it. */
  wake(sleeper: Sleeper): void {
    this.time = Math.max(this.time, sleeper.at);
    this.#remove(sleeper);
    sleeper.wake();
  }

  #remove(sleeper: Sleeper): void {
    this.#sleepers = this.#sleepers.filter((candidate) => candidate !== sleeper);
  }
}

async function runUntilSettled<T>(timeline: Timeline, work: Promise<T>): Promise<T> {
  let isDone = false;
  const end = () => {
    isDone = true;
  };
  work.then(end, end);
  for (await settled(); !isDone; await settled()) {
    // Work outside of this clock (a signature, a socket) gets real time before the clock jumps far
    // ahead.
    const sleeper =
      timeline.next(timeline.time + 5000) ??
      (await patiently(
        () => (isDone ? undefined : timeline.next(Infinity)),
        () => isDone || timeline.next(timeline.time + 5000) !== undefined,
      ));
    if (sleeper) timeline.wake(sleeper);
    else if (!isDone)
      throw new Error('virtualClock: the work waits, but nothing sleeps on this clock');
  }
  return await work;
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
