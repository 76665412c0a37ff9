import { type Clock, type DurationInput, milliseconds } from '@acmex/clock';
import type { Outcome } from './api-verdict.ts';
import type { DnsOptions } from './provider.ts';

/** How long a call of a host's API may go on. */
export interface Patience {
  readonly clock?: Clock;
  /** For one call with all its attempts and pauses; 1 minute by default. One attempt has 20 seconds of it at most. */
  readonly limit?: DurationInput;
  readonly random?: () => number;
}

const longest = 20_000;

/**
 * Attempts until one succeeds, or says that the next would not either: five at most, or `most`, within the limit,
 * at `Retry-After` where the host gives one, else after growing pauses.
 * @param attempt given the time that it has
 */
export async function attempts<T>(
  {
    clock,
    limit = 'PT1M',
    random = Math.random,
    most = 5,
    signal,
  }: Patience & DnsOptions & { readonly clock: Clock; readonly most?: number },
  attempt: (limit: DurationInput) => Promise<Outcome<T>>,
): Promise<T> {
  const end = clock.monotonic() + milliseconds(limit);
  for (let count = 1; ; count++) {
    const outcome = await attempt({
      milliseconds: Math.max(Math.ceil(Math.min(end - clock.monotonic(), longest)), 1),
    });
    if ('value' in outcome) return outcome.value;
    const { error } = outcome;
    const pause = error.retryAfter
      ? clock.now().until(error.retryAfter).total('milliseconds')
      : 500 * 2 ** count * (0.5 + random() / 2);
    if (!error.passing || count === most || clock.monotonic() + pause >= end) throw error;
    await clock.sleep({ milliseconds: Math.max(Math.ceil(pause), 0) }, { signal });
  }
}
