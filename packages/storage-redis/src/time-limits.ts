import { type Clock, TimeLimitError } from '@acmex/clock';

export interface HoldOptions {
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface Call {
  /** On the monotonic clock. */
  readonly endsAt: number;
  readonly fail: (reason: unknown) => void;
}

/**
 * Holds calls to their time limits, with one timer for all of them: to make and to clear a timer
 * for each would take longer than the call. The timer may continue after the last call, for as long as
 * that call was allowed to take.
 */
export class TimeLimits implements Disposable {
  readonly #clock: Clock;
  readonly #calls = new Set<Call>();
  #timer: { readonly endsAt: number; readonly ended: AbortController } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns what a call returns.
   * @throws TimeLimitError when the time is over; the signal's reason; and what the call throws
   */
  async hold<T>(call: Promise<T>, { limitMs, signal }: HoldOptions): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const end = () => {
        this.#calls.delete(held);
        signal?.removeEventListener('abort', abort);
      };
      const held: Call = {
        endsAt: this.#clock.monotonic() + limitMs,
        fail(reason) {
          end();
          // An answer that has already arrived wins: a process that was busy must not blame Redis.
          setImmediate(() => reject(reason));
        },
      };
      const abort = () => held.fail(signal?.reason);
      this.#calls.add(held);
      this.#wakeAt(held.endsAt);
      signal?.addEventListener('abort', abort, { once: true });
      call.finally(end).then(resolve, reject);
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.ended.abort();
    this.#timer = undefined;
  }

  /** Makes sure that the timer ends by a moment. */
  #wakeAt(endsAt: number): void {
    if (this.#timer && this.#timer.endsAt <= endsAt) return;
    this[Symbol.dispose]();
    const ended = new AbortController();
    this.#timer = { endsAt, ended };
    const milliseconds = Math.max(0, Math.ceil(endsAt - this.#clock.monotonic()));
    this.#clock.sleep({ milliseconds }, { signal: ended.signal }).then(
      () => this.#failLate(),
      () => {
        /* the timer was replaced, or is not needed any more */
      },
    );
  }

  #failLate(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const call of this.#calls) {
      if (call.endsAt > now) next = Math.min(next, call.endsAt);
      else call.fail(new TimeLimitError('the time limit was reached'));
    }
    if (next < Infinity) this.#wakeAt(next);
  }
}
