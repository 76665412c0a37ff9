import { DerError } from '@acmex/certificate/structure';
import type { Temporal } from 'temporal-polyfill';

/** Why a certificate was revoked, by its number. RFC 5280 §5.3.1 */
export const revocationReasons = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
} as const;
export type RevocationReason = (typeof revocationReasons)[keyof typeof revocationReasons];

/** What is known of a certificate. There is no `good` without a proof that is signed and fresh. */
export type RevocationStatus =
  | {
      readonly status: 'good';
      readonly source: 'ocsp' | 'crl';
      /** Until when the proof is valid; absent where the issuer does not say. */
      readonly until: Temporal.Instant | undefined;
    }
  | {
      readonly status: 'revoked';
      readonly source: 'ocsp' | 'crl';
      readonly at: Temporal.Instant;
      readonly reason: RevocationReason;
    }
  | {
      readonly status: 'unknown';
      /** One sentence for each source that was asked. */
      readonly reasons: readonly string[];
      /** Whether there was a source: without one, to ask again is of no use. */
      readonly hasSources: boolean;
    };

/** What was received proves nothing. The message says why, for `reasons`. */
export class UnprovenError extends Error {
  override readonly name = 'UnprovenError';
  readonly code = 'ERR_REVOCATION_UNPROVEN';
}

/**
 * Reads a proof; whatever is wrong with its form is the reason why it proves nothing.
 * @throws UnprovenError; what the source of its bytes throws
 */
export async function proven<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DerError || error instanceof RangeError)
      throw new UnprovenError(error.message, { cause: error });
    throw error;
  }
}

/** Returns the name of a reason; an unknown number is `unspecified`. */
export function reasonName(number: number): RevocationReason {
  return revocationReasons[number as keyof typeof revocationReasons] ?? 'unspecified';
}

/** How far this machine's clock may be behind the issuer's. */
const toleranceMs = 5 * 60_000;

/**
 * Checks that a proof is fresh.
 *
 * @param thisUpdate milliseconds since 1970
 * @param nextUpdate absent where the issuer does not say
 * @param now milliseconds since 1970
 * @throws UnprovenError when it is from the future or too old
 */
export function checkFreshness(
  thisUpdate: number,
  nextUpdate: number | undefined,
  now: number,
): void {
  if (thisUpdate > now + toleranceMs)
    throw new UnprovenError(`it is from the future: ${text(thisUpdate)}`);
  if (nextUpdate !== undefined && nextUpdate < now)
    throw new UnprovenError(`it was valid until ${text(nextUpdate)}`);
}

function text(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
