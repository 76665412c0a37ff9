import { type Clock, milliseconds } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { records, type Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { OrchestratorError } from './errors.ts';
import type { Issuer } from './issuer.ts';

/** Until when nothing is ordered at a CA, for everyone with the storage. RFC 3339 */
const holds = records<{ readonly until: string }>({ kind: 'hold', version: 1, under: 'hold' });

/**
 * How long a CA that limits is left alone by all at most. What a limit is for, a CA says only in words: what was refused comes
 * back when the CA says so, and one other tries after this, for the limit may have been for its names alone.
 */
const longest = { minutes: 5 };
/** Milliseconds from which it is worth it: what passes sooner is met by whoever comes next. */
const shortest = 10_000;

/** The issuer, left alone by everyone with the storage for a while after it has said that it is asked too often. RFC 8555 §6.6 */
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
          `the issuer ${name} has said that it is asked too often: nothing is ordered there before ${until}`,
          { retryAfter: Temporal.Instant.from(until) },
        );
      return await issuer.issue(request, options).catch(async (error: unknown) => {
        const after = retryAfterOf(error);
        if (
          errorCode(error) === 'ERR_ACME_RATE_LIMITED' &&
          after !== undefined &&
          after.epochMilliseconds - clock.now().epochMilliseconds >= shortest
        )
          await storage.write([
            holds.put(name, {
              until: earlier(after, clock.now().add({ milliseconds: milliseconds(longest) })),
            }),
          ]);
        throw error;
      });
    },
  };
}

function retryAfterOf(error: unknown): Temporal.Instant | undefined {
  // Only an instant has this.
  return typeof error === 'object' &&
    error !== null &&
    'retryAfter' in error &&
    typeof (error.retryAfter as { readonly epochMilliseconds?: unknown } | undefined)
      ?.epochMilliseconds === 'number'
    ? (error.retryAfter as Temporal.Instant)
    : undefined;
}

function earlier(one: Temporal.Instant, other: Temporal.Instant): string {
  return (one.epochMilliseconds < other.epochMilliseconds ? one : other).toString();
}
