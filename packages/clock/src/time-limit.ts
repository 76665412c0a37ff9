import type { DurationInput, SleepOptions } from './clock.ts';

export interface TimeLimitOptions<Limit extends DurationInput = DurationInput> {
  /** A `Clock`, or a `MillisecondTimer` for a limit in milliseconds. */
  readonly clock: { sleep(duration: Limit, options?: SleepOptions): Promise<void> };
  readonly limit: Limit;
  readonly signal?: AbortSignal | undefined;
}

/** The reason of a signal that a time limit aborted, not the caller. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
  readonly code = 'ERR_TIME_LIMIT';
}

/**
 * Runs `work` with a signal that aborts when the caller's signal does, or when `limit` has passed
 * on the clock. The work must end when its signal aborts: this function waits for it.
 *
 * @throws TimeLimitError (code `ERR_TIME_LIMIT`) as the reason of the signal; otherwise what `work`
 * throws
 */
export async function withTimeLimit<T, Limit extends DurationInput = DurationInput>(
  { clock, limit, signal }: TimeLimitOptions<Limit>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const ended = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  clock.sleep(limit, { signal: ended.signal }).then(
    () => controller.abort(new TimeLimitError('the time limit was reached')),
    () => {
      /* the work ended first */
    },
  );
  try {
    return await work(controller.signal);
  } finally {
    ended.abort('the work has ended');
    signal?.removeEventListener('abort', abort);
  }
}
