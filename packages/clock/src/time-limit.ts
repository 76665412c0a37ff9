import type { Clock, DurationInput } from './clock.ts';

export interface TimeLimitOptions {
  readonly clock: Clock;
  readonly limit: DurationInput;
  readonly signal?: AbortSignal | undefined;
}

/** Why a signal aborted when a time limit of ours ended it, and not the caller. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
  readonly code = 'ERR_TIME_LIMIT';
}

/**
 * Runs `work` under a signal that aborts when the caller's does, or when `limit` has passed on the clock.
 * The work is expected to end when its signal aborts: nothing is left behind to run unwatched.
 * @throws TimeLimitError (code `ERR_TIME_LIMIT`) by way of the signal's reason; else whatever `work` throws
 */
export async function withTimeLimit<T>(
  { clock, limit, signal }: TimeLimitOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const ours = new AbortController();
  const over = new AbortController();
  const abort = () => ours.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  clock.sleep(limit, { signal: over.signal }).then(
    () => ours.abort(new TimeLimitError('the time limit was reached')),
    () => {
      /* the work ended first */
    },
  );
  try {
    return await work(ours.signal);
  } finally {
    over.abort('the work has ended');
    signal?.removeEventListener('abort', abort);
  }
}
