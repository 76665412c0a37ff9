import { boundedRetryAfter, type DurationInput, milliseconds } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import { AcmeError } from './errors.ts';
import { getOrder, type Order } from './order.ts';
import { usualFirstPause } from './poll-pace.ts';
import { latestMoment } from './retry-after.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

export interface PollOptions extends CallOptions {
  /** How long to wait in all; 5 minutes by default. */
  readonly limit?: DurationInput | undefined;
  /** The CA is not asked before this moment, RFC 3339: see `retryAfter` of a challenge. */
  readonly notBefore?: string | undefined;
  /**
   * Called with each answer that has not changed, but for those of the first 50 milliseconds. What it
   * throws ends the polling. It may return the moment, RFC 3339, before which the CA does not want
   * to be asked again.
   */
  readonly check?: (order: Order) => Promise<string | undefined>;
}

/**
 * Reads an order again and again while it has the status it came with. RFC 8555 §7.4, §7.5.1. It
 * asks at the moment that the CA names by `Retry-After`, of which a day and half of the time until
 * the order expires count at most; else after 0.05 seconds, then with pauses from 0.15 seconds, three
 * times longer each time, to 10 seconds. A CA that was done sooner with earlier orders of the session
 * is asked sooner for the first time, from 0.01 seconds.
 * @throws AcmeError `ERR_ACME_POLL_LIMIT` when the next question would be after the limit, with the
 * moment that the CA named; the order can be continued later. While names are validated, only at
 * the limit
 */
export async function pollOrder(
  session: AcmeSession,
  order: Order<'pending' | 'ready' | 'processing'>,
  { signal, limit = 'PT5M', notBefore, check }: PollOptions = {},
): Promise<Order> {
  const { clock, pace } = session;
  const longest = milliseconds(limit);
  const start = clock.monotonic();
  const pauses = pace.pauses(order.status);
  const waits: number[] = [];
  let latest: Order = order;
  let moment = latestMoment([order.retryAfter, notBefore]);
  const hasMoment = moment !== undefined;
  while (latest.status === order.status) {
    const wait = waitMs(latest, { session, moment, pause: pauses.next().value });
    const left = longest - (clock.monotonic() - start);
    if (wait > left) {
      if (isValidating(latest, moment))
        await clock.sleep({ milliseconds: Math.floor(left) }, { signal });
      throw pollLimit(latest, longest, moment);
    }
    await clock.sleep({ nanoseconds: Math.round(wait * 1e6) }, { signal });
    waits.push(wait);
    latest = await getOrder(session, order.url, { signal });
    const isDue = latest.status === order.status && wait > usualFirstPause;
    const checked = isDue ? await check?.(latest) : undefined;
    moment = latestMoment([latest.retryAfter, checked]);
  }
  const [first] = waits;
  if (first !== undefined && !hasMoment) pace.learn(order.status, first, waits.length);
  return latest;
}

/**
 * Whether the CA may be about to validate, though it does not want to be asked: what it looks at must
 * stay visible until the limit.
 */
function isValidating({ status }: Order, moment: string | undefined): boolean {
  return status === 'pending' && moment !== undefined;
}

function waitMs(
  { expires }: Order,
  {
    session: { clock },
    moment,
    pause,
  }: {
    readonly session: AcmeSession;
    readonly moment: string | undefined;
    readonly pause: number;
  },
): number {
  if (moment === undefined) return pause;
  const now = clock.now();
  const bounded = boundedRetryAfter(Temporal.Instant.from(moment), { now, end: instant(expires) });
  return Math.max(usualFirstPause, now.until(bounded).total('milliseconds'));
}

/** Returns the moment of a text from a CA; undefined if it is not one. */
function instant(text: string | undefined): Temporal.Instant | undefined {
  try {
    return text === undefined ? undefined : Temporal.Instant.from(text);
  } catch {
    return undefined;
  }
}

function pollLimit(
  { url, status }: Order,
  longestMs: number,
  moment: string | undefined,
): AcmeError {
  const seconds = Math.round(longestMs / 1000);
  return new AcmeError(
    'ERR_ACME_POLL_LIMIT',
    moment === undefined
      ? `the order ${url} is still ${status} after ${seconds} seconds`
      : `the order ${url} is still ${status}, and the CA wants to be asked again at ${moment}, after the limit of ${seconds} seconds`,
    { retryAfter: instant(moment) },
  );
}
