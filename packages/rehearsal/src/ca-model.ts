import { type CaLimits, wellKnownLimits } from '@acmex/budgets';

/** From when on a CA issues certificates of a profile with a lifetime. */
export interface LifetimeChange {
  /** RFC 3339; absent for what was always so. */
  readonly from?: string | undefined;
  /** Absent for orders without a profile, and for those whose profile has no change of its own. */
  readonly profile?: string | undefined;
  readonly lifetimeMs: number;
}

/** How a CA behaves, as far as a rehearsal needs it. */
export interface CaModel {
  /** The earliest first. A certificate whose CA has none is as long valid as the one before it. */
  readonly lifetimes: readonly LifetimeChange[];
  /** The longest that the CA may issue, whatever it did before; in the form of `lifetimes`. */
  readonly longest?: readonly LifetimeChange[] | undefined;
  readonly limits?: CaLimits | undefined;
  /** The share of the limits that is kept for renewals, 0 to 1; 0.1 by default. */
  readonly renewalShare?: number | undefined;
  /** Whether it suggests when to renew. RFC 9773 */
  readonly suggestsWindows: boolean;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * The longest lifetimes of publicly trusted certificates. CA/Browser Forum, Baseline Requirements
 * §6.3.2, ballot SC-081v3
 */
const publicLongest: readonly LifetimeChange[] = [
  { lifetimeMs: 200 * dayMs },
  { from: '2027-03-15T00:00:00Z', lifetimeMs: 100 * dayMs },
  { from: '2029-03-15T00:00:00Z', lifetimeMs: 47 * dayMs },
];

/** letsencrypt.org/2025/12/02/from-90-to-45, letsencrypt.org/docs/profiles */
const letsEncryptLifetimes: readonly LifetimeChange[] = [
  { lifetimeMs: 90 * dayMs },
  { profile: 'tlsserver', lifetimeMs: 45 * dayMs },
  { profile: 'shortlived', lifetimeMs: 160 * hourMs },
  { from: '2027-02-10T00:00:00Z', lifetimeMs: 64 * dayMs },
  { from: '2028-02-16T00:00:00Z', lifetimeMs: 45 * dayMs },
];

/**
 * Returns what is announced of a CA.
 * @param directory the URL of its directory
 * @param isPublic whether browsers trust it: the rules of public CAs then bound its lifetimes
 */
export function announcedModel(
  directory: string,
  { isPublic }: { readonly isPublic: boolean },
): CaModel {
  const isLetsEncrypt = /^https:\/\/acme(-staging)?-v02\.api\.letsencrypt\.org\//.test(directory);
  return {
    lifetimes: isLetsEncrypt ? letsEncryptLifetimes : [],
    longest: isPublic ? publicLongest : undefined,
    limits: wellKnownLimits[directory],
    suggestsWindows: isLetsEncrypt || isPublic,
  };
}

/**
 * Returns how long a certificate that is issued at a time is valid, in milliseconds.
 * @param before the lifetime of the one that it replaces
 */
export function lifetimeAt(
  { lifetimes, longest = [] }: Pick<CaModel, 'lifetimes' | 'longest'>,
  {
    profile,
    at,
    before,
  }: { readonly profile: string | undefined; readonly at: number; readonly before: number },
): number {
  const usual =
    latest(lifetimes, { profile, at }) ?? latest(lifetimes, { profile: undefined, at }) ?? before;
  return Math.min(usual, latest(longest, { profile: undefined, at }) ?? Infinity);
}

function latest(
  changes: readonly LifetimeChange[],
  { profile, at }: { readonly profile: string | undefined; readonly at: number },
): number | undefined {
  return changes.findLast(
    (change) => change.profile === profile && at >= Date.parse(change.from ?? '1970-01-01'),
  )?.lifetimeMs;
}

/** Returns the window that a CA suggests: the middle is at two thirds of the lifetime. RFC 9773 */
export function suggestedWindow({
  notBefore,
  notAfter,
}: {
  readonly notBefore: number;
  readonly notAfter: number;
}): { readonly start: number; readonly end: number } {
  const lifetime = notAfter - notBefore;
  const middle = notAfter - lifetime / (lifetime < 10 * dayMs ? 2 : 3);
  return { start: middle - lifetime / 100, end: middle + lifetime / 100 };
}
