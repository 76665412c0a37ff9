import { type DurationInput, milliseconds } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import type { Usage } from './authority/extensions.ts';
import { CaError } from './errors.ts';

/** A kind of certificate that this CA issues. */
export interface ProfileOptions {
  /** In the directory, for people. */
  readonly description?: string;
  /**
   * The longest lifetime of its certificates, the first and the last second included; 90 days by
   * default. RFC 5280 §4.1.2.5
   */
  readonly validity?: DurationInput;
  /**
   * How far in the past they begin, for clocks that are behind. A part of `validity`: an hour by
   * default, and a twelfth of a short validity; at most an hour, and half of it.
   */
  readonly backdate?: DurationInput;
  /** TLS servers by default. */
  readonly usages?: readonly Usage[];
  /** `dns` and `ip` by default. */
  readonly identifierTypes?: readonly ('dns' | 'ip')[];
}

/** A profile for TLS servers, and one for TLS clients; the first is the default of orders. */
export const tlsProfiles = {
  serverAuth: { description: 'for TLS servers' },
  clientAuth: { description: 'for TLS clients', usages: ['clientAuth'] },
} as const satisfies Readonly<Record<string, ProfileOptions>>;

export interface Profile extends Required<
  Pick<ProfileOptions, 'description' | 'usages' | 'identifierTypes'>
> {
  readonly name: string;
  readonly validity: Temporal.Duration;
  readonly backdate: Temporal.Duration;
}

/** @throws CaError `ERR_CA_PROFILE` */
export function profilesOf(
  options: Readonly<Record<string, ProfileOptions>>,
): ReadonlyMap<string, Profile> {
  const profiles = Object.entries(options).map(([name, profileOptions]) =>
    profile(name, profileOptions),
  );
  if (profiles.length === 0)
    throw new CaError(
      'ERR_CA_PROFILE',
      'a CA needs one profile at least: leave the option away for the usual one',
    );
  return new Map(profiles.map((profile) => [profile.name, profile]));
}

function profile(
  name: string,
  {
    description = name,
    validity = { hours: 90 * 24 },
    backdate = defaultBackdate(validity),
    usages = ['serverAuth'],
    identifierTypes = ['dns', 'ip'],
  }: ProfileOptions,
): Profile {
  if (!/^[\w.-]{1,64}$/.test(name))
    throw new CaError(
      'ERR_CA_PROFILE',
      `${JSON.stringify(name)} is not a valid name of a profile: use letters, digits, . _ -`,
    );
  if (milliseconds(backdate) < 0 || milliseconds(backdate) > 3_600_000)
    throw new CaError(
      'ERR_CA_PROFILE',
      `the profile ${name} would begin more than an hour in the past, or in the future`,
    );
  if (milliseconds(backdate) * 2 > milliseconds(validity))
    throw new CaError(
      'ERR_CA_PROFILE',
      `the profile ${name} would make certificates that begin more than half of their lifetime in the past`,
    );
  if (milliseconds(validity) < 60_000)
    throw new CaError(
      'ERR_CA_PROFILE',
      `the profile ${name} would make certificates that live less than a minute`,
    );
  if (usages.length === 0 || identifierTypes.length === 0)
    throw new CaError(
      'ERR_CA_PROFILE',
      `the profile ${name} would make certificates that are good for nothing`,
    );
  return {
    name,
    description,
    usages,
    identifierTypes,
    validity: Temporal.Duration.from(validity),
    backdate: Temporal.Duration.from(backdate),
  };
}

/** What an order wishes for, as RFC 3339 has it. */
export interface AskedValidity {
  readonly notBefore?: string | undefined;
  readonly notAfter?: string | undefined;
}

export interface Validity {
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
}

function defaultBackdate(validity: DurationInput): DurationInput {
  return { milliseconds: Math.min(hourMs, Math.floor(milliseconds(validity) / 12)) };
}

const hourMs = 3_600_000;

interface IssuanceTime {
  readonly now: Temporal.Instant;
  readonly issuerEnds: Temporal.Instant;
}

/**
 * Returns the lifetime of a certificate: exactly what its order asks for, and for the rest what the
 * profile and the issuer's own lifetime allow.
 */
export function validityOf(
  profile: Profile,
  asked: AskedValidity,
  { now, issuerEnds }: IssuanceTime,
): Validity {
  const length = seconds(profile.validity) - 1;
  const askedEnd = instant(asked.notAfter);
  const usualStart = whole(now.subtract({ seconds: seconds(profile.backdate) }));
  const notBefore =
    instant(asked.notBefore) ??
    (askedEnd ? later(usualStart, askedEnd.subtract({ seconds: length })) : usualStart);
  return {
    notBefore,
    notAfter: askedEnd ?? earlier(notBefore.add({ seconds: length }), whole(issuerEnds)),
  };
}

/**
 * Returns why a profile does not permit the lifetime that an order asks for; undefined if it does.
 * "If the server is willing to issue the requested certificate", RFC 8555 §7.4, it has these times.
 */
export function validityFault(
  profile: Profile,
  asked: AskedValidity,
  { now, issuerEnds }: IssuanceTime,
): string | undefined {
  const [start, end] = [instant(asked.notBefore), instant(asked.notAfter)];
  const earliest = whole(now.subtract({ milliseconds: hourMs }));
  const furthest = now.add({ seconds: seconds(profile.validity) });
  if (start && isBefore(start, earliest))
    return `"notBefore" is more than an hour in the past: use ${earliest} or later`;
  if (start && (isBefore(furthest, start) || !isBefore(start, issuerEnds)))
    return `"notBefore" is too far in the future: use a time before ${whole(earlier(furthest, issuerEnds))}`;
  const longest = start ? start.add({ seconds: seconds(profile.validity) - 1 }) : whole(furthest);
  const latest = earlier(longest, whole(issuerEnds));
  if (end && isBefore(latest, end))
    return `"notAfter" is later than the profile ${profile.name} and this CA permit: use ${latest} or earlier`;
  if (end && (!isBefore(now, end) || (start && !isBefore(start, end))))
    return '"notAfter" is in the past, or not after "notBefore"';
  return undefined;
}

/** Certificates have whole seconds. */
function whole(moment: Temporal.Instant): Temporal.Instant {
  return moment.round({ smallestUnit: 'second', roundingMode: 'floor' });
}

function instant(text: string | undefined): Temporal.Instant | undefined {
  return text === undefined ? undefined : whole(Temporal.Instant.from(text));
}

/** Days count 24 hours. */
function seconds(duration: Temporal.Duration): number {
  return Math.floor(milliseconds(duration) / 1000);
}

function isBefore(first: Temporal.Instant, second: Temporal.Instant): boolean {
  return Temporal.Instant.compare(first, second) < 0;
}

function earlier(first: Temporal.Instant, second: Temporal.Instant): Temporal.Instant {
  return isBefore(first, second) ? first : second;
}

function later(first: Temporal.Instant, second: Temporal.Instant): Temporal.Instant {
  return isBefore(first, second) ? second : first;
}
