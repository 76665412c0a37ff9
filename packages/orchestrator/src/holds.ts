import { type Clock, milliseconds } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { records, type Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { OrchestratorError } from './errors.ts';
import type { Issuer } from './issuer.ts';

/** Until when no process with this storage orders at a CA. RFC 3339 */
const holds = records<{ readonly until: string }>({ kind: 'hold', version: 1, under: 'hold' });

/**
 * The longest time that all orders are held back after a rate limit. The CA says only in words what
 * a limit applies to. The refused order is retried when the CA says; after this time another order
 * is tried, because the limit may apply only to those names.
 */
const longestHold = { minutes: 5 };
/** A limit that ends sooner than this is not stored. */
const shortestHoldMs = 10_000;

/**
 * Returns the issuer with a hold: after a rate limit, no process with this storage orders there for
 * a while. RFC 8555 §6.6
 */
export function holding(
  issuer: Issuer,
  { storage, clock }: { readonly storage: Storage; readonly clock: Clock },
): Issuer {
  const { name } = issuer;
  return {
    ...issuer,
    async issue(request, options) {
      const until = (await holds.read(storage, name))?.record.until;
      if (until !== undefined && Date.parse(until) > clock.now().epochMilliseconds)
        throw new OrchestratorError(
          'ERR_ORCHESTRATOR_HELD',
          `the issuer ${name} has limited the rate of orders: nothing is ordered there before ${until}`,
          { retryAfter: Temporal.Instant.from(until) },
        );
      return await issuer.issue(request, options).catch(async (error: unknown) => {
        const after = retryAfterOf(error);
        if (
          errorCode(error) === 'ERR_ACME_RATE_LIMITED' &&
          after !== undefined &&
          after.epochMilliseconds - clock.now().epochMilliseconds >= shortestHoldMs
        )
          await storage.write([
            holds.put(name, {
              until: earlier(after, clock.now().add({ milliseconds: milliseconds(longestHold) })),
            }),
          ]);
        throw error;
      });
    },
  };
}

function retryAfterOf(error: unknown): Temporal.Instant | undefined {
  // Only an instant has `epochMilliseconds`.
  return typeof error === 'object' &&
    error !== null &&
    'retryAfter' in error &&
    typeof (error.retryAfter as { readonly epochMilliseconds?: unknown } | undefined)
      ?.epochMilliseconds === 'number'
    ? (error.retryAfter as Temporal.Instant)
    : undefined;
}

function earlier(first: Temporal.Instant, second: Temporal.Instant): string {
  return (first.epochMilliseconds < second.epochMilliseconds ? first : second).toString();
}
