import { type DurationInput, milliseconds } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import type { Usage } from './authority/extensions.ts';
import { CaError } from './errors.ts';

/** A kind of certificate that this CA issues. */
export interface ProfileOptions {
  /** In the directory, for people. */
  readonly description?: string;
  /** How long its certificates live at most; 90 days by default. */
  readonly validity?: DurationInput;
  /**
   * How far in the past they begin, for clocks that are behind; an hour by default, and at most.
   */
  readonly backdate?: DurationInput;
  /** TLS servers by default. */
  readonly usages?: readonly Usage[];
  /** `dns` and `ip` by default. */
  readonly identifierTypes?: readonly ('dns' | 'ip')[];
}

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
    backdate = { hours: 1 },
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

/** What an order asks for within what its profile and the issuer's own life allow. */
export function validityOf(
  { validity, backdate }: Profile,
  asked: AskedValidity,
  { now, issuerEnds }: { readonly now: Temporal.Instant; readonly issuerEnds: Temporal.Instant },
): Validity {
  const within = (moment: Temporal.Instant, earliest: Temporal.Instant, latest: Temporal.Instant) =>
    [earliest, moment, latest].sort(Temporal.Instant.compare)[1] ?? moment;
  const latest = earlier(now.add(hours(validity)), issuerEnds);
  const notBefore =
    asked.notBefore === undefined
      ? now.subtract(hours(backdate))
      : within(Temporal.Instant.from(asked.notBefore), now.subtract(hours(backdate)), latest);
  return {
    notBefore,
    notAfter:
      asked.notAfter === undefined
        ? latest
        : within(Temporal.Instant.from(asked.notAfter), notBefore, latest),
  };
}

/** Days count 24 hours. */
function hours(duration: Temporal.Duration): { readonly seconds: number } {
  return { seconds: Math.round(milliseconds(duration) / 1000) };
}

function earlier(first: Temporal.Instant, second: Temporal.Instant): Temporal.Instant {
  return Temporal.Instant.compare(first, second) < 0 ? first : second;
}
