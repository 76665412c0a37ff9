import { type DurationInput, milliseconds } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import { AcmeError } from './errors.ts';
import { getOrder, type Order } from './order.ts';
import type { AcmeSession, CallOptions } from './session.ts';

export interface PollOptions extends CallOptions {
  /** How long to wait in all; 5 minutes by default. */
  readonly limit?: DurationInput;
  /** Called with each answer that has not changed. What it throws ends the polling. */
  readonly check?: (order: Order) => Promise<void>;
}

/**
 * Reads an order again and again while it has the status it came with. RFC 8555 §7.4, §7.5.1. It
 * waits as long as the CA's `Retry-After` says (a minute at most at a time), else from 0.05
 * seconds, three times longer each time, to 10 seconds.
 * @throws AcmeError `ERR_ACME_POLL_LIMIT` when the limit is reached; the order can be continued
 * later
 */
export async function pollOrder(
  session: AcmeSession,
  order: Order<'pending' | 'ready' | 'processing'>,
  { signal, limit = 'PT5M', check }: PollOptions = {},
): Promise<Order> {
  const longest = milliseconds(limit);
  const start = session.clock.monotonic();
  let latest: Order = order;
  for (let pause = 50; latest.status === order.status; pause = Math.min(pause * 3, 10_000)) {
    const asked =
      latest.retryAfter === undefined
        ? pause
        : session.clock.now().until(Temporal.Instant.from(latest.retryAfter)).total('milliseconds');
    const wait = Math.min(Math.max(asked, 50), 60_000);
    if (session.clock.monotonic() - start + wait > longest) {
      throw new AcmeError(
        'ERR_ACME_POLL_LIMIT',
        `the order ${order.url} is still ${order.status} after ${Math.round(longest / 1000)} seconds`,
      );
    }
    await session.clock.sleep({ nanoseconds: Math.round(wait * 1e6) }, { signal });
    latest = await getOrder(session, order.url, { signal });
    if (latest.status === order.status) await check?.(latest);
  }
  return latest;
}
