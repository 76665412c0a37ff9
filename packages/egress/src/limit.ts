import { type Clock, type DurationInput, withTimeLimit } from '@acmex/clock';
import { EgressError } from './errors.ts';

export interface Limit {
  readonly clock: Clock;
  readonly limit: DurationInput;
  readonly signal?: AbortSignal | undefined;
  /** What there is to wait for, as the message begins. */
  readonly what: string;
}

/**
 * Work with a time limit.
 * @throws EgressError `ERR_EGRESS_TIME` when it is over; the signal's own reason when the caller
 * ended it
 */
export async function limited<T>(
  { clock, limit, signal, what }: Limit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  let ours: AbortSignal | undefined;
  try {
    return await withTimeLimit({ clock, limit, signal }, (timed) => {
      ours = timed;
      return work(timed);
    });
  } catch (cause) {
    signal?.throwIfAborted();
    if (ours?.aborted)
      throw new EgressError(
        'ERR_EGRESS_TIME',
        `${what}: the time limit was reached; check the host and the firewalls between`,
        { cause },
      );
    throw cause;
  }
}

/** Stops waiting for what takes no signal. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
