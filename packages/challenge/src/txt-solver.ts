import type { ChallengeSolver, ChallengeToSolve, NameToProve, SolverOptions } from '@acmex/client';
import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import {
  type AnsweredChallenge,
  type DnsProvider,
  findZone,
  followAliases,
  lookUp as ask,
  type LookUp,
  DnsError,
  type Propagation,
  recordAnswers,
  recordVisible,
  relativeName,
} from '@acmex/dns';
import { errorCode } from '@acmex/errors';
import { keyAuthorizationDigest } from '@acmex/protocol';

export interface TxtSolverOptions {
  /** Who writes the records; `person`: someone does it by hand, and the order waits for it. */
  readonly provider: DnsProvider | 'person';
  /** When a record counts as visible; by default when every authoritative server shows it. */
  readonly propagation?: Propagation;
  /** How long that may take; 5 minutes by default. */
  readonly limit?: DurationInput;
  /** Questions about zones and aliases; to the system's resolver by default. */
  readonly lookUp?: LookUp;
  readonly clock?: Clock;
}

/**
 * A TXT record for one challenge: which zone it is written in, its whole name, its value; and for
 * dns-01 the challenge, for hosts that make the record from that by themselves.
 */
export type TxtResponse = {
  readonly zone: string;
  readonly name: string;
  readonly value: string;
  readonly challenge?: AnsweredChallenge;
};

interface TxtChallenge {
  readonly type: string;
  /** Where the CA looks. */
  readonly nameOf: (challenge: ChallengeToSolve) => string | Promise<string>;
  /**
   * Where the CA will look for a name, where that is known before the challenge: then the zone is
   * looked up before the order.
   */
  readonly nameBefore?: (name: NameToProve) => string;
  /** What hosts make such a record from, where they know the type. */
  readonly describeChallenge?: (challenge: ChallengeToSolve) => AnsweredChallenge;
}

/** For taking a record down; no one can cancel that. */
const removeLimit = 'PT2M';

/**
 * Shows the digest of the key authorization in a TXT record. Where its name is an alias (CNAME),
 * the record is written where that leads.
 */
export function txtSolver(
  challenge: TxtChallenge,
  { provider, ...options }: TxtSolverOptions,
): ChallengeSolver<TxtResponse> {
  return provider === 'person'
    ? attendedSolver(challenge, options)
    : writingSolver(challenge, { provider, ...options });
}

function writingSolver(
  { type, nameOf, nameBefore, describeChallenge }: TxtChallenge,
  {
    provider,
    propagation = { check: 'authoritative' },
    limit = 'PT5M',
    clock = systemClock,
    lookUp = ask({ clock }),
  }: TxtSolverOptions & { readonly provider: DnsProvider },
): ChallengeSolver<TxtResponse> {
  const recordOf = ({ zone, name, value, challenge }: TxtResponse) => ({
    name: relativeName(zone, name),
    value,
    ...(challenge ? { challenge } : {}),
  });
  const isSkipped = propagation.check === 'skip';
  const placeOf = async (record: string, options?: SolverOptions) => {
    const name = await followAliases(record, lookUp, options).catch((error: unknown) => {
      // Without a resolver that answers, no alias is known: who skips the checks has none.
      if (isSkipped && isLookUpFailure(error)) return record;
      throw error;
    });
    const zone = provider.wholeNames ? name : await findZone(name, { lookUp, provider }, options);
    return { name, zone };
  };
  return {
    type,
    supports: (identifier) => identifier.type === 'dns',
    ...(nameBefore
      ? {
          async check(names: readonly NameToProve[], options?: SolverOptions) {
            for (const record of new Set(names.map(nameBefore))) await placeOf(record, options);
          },
        }
      : {}),
    async respond(challenge, options) {
      const { name, zone } = await placeOf(await nameOf(challenge), options);
      return {
        zone,
        name,
        value: (await keyAuthorizationDigest(challenge.keyAuthorization)).base64url,
        ...(describeChallenge ? { challenge: describeChallenge(challenge) } : {}),
      };
    },
    present: (response, options) => provider.append(response.zone, [recordOf(response)], options),
    async visible(response, options) {
      const zone =
        provider.wholeNames && propagation.check === 'authoritative'
          ? await findZone(response.name, { lookUp }, options)
          : response.zone;
      await recordVisible({ ...response, zone }, { clock, lookUp, propagation, limit, ...options });
    },
    remove: (response) =>
      withTimeLimit({ clock, limit: removeLimit }, (signal) =>
        provider.remove(response.zone, [recordOf(response)], { signal }),
      ),
  };
}

/** Shows nothing by itself, and looks once whether a person has set the record. */
function attendedSolver(
  { type, nameOf, nameBefore }: TxtChallenge,
  {
    propagation = { check: 'authoritative' },
    clock = systemClock,
    lookUp = ask({ clock }),
  }: Omit<TxtSolverOptions, 'provider'>,
): ChallengeSolver<TxtResponse> {
  const servers = propagation.check === 'resolvers' ? propagation.servers : undefined;
  return {
    type,
    supports: (identifier) => identifier.type === 'dns',
    isAttended: () => true,
    ...(nameBefore
      ? {
          async check(names: readonly NameToProve[], options?: SolverOptions) {
            for (const record of new Set(names.map(nameBefore)))
              await followAliases(record, lookUp, options);
          },
        }
      : {}),
    async respond(challenge, options) {
      const name = await followAliases(await nameOf(challenge), lookUp, options);
      const { base64url: value } = await keyAuthorizationDigest(challenge.keyAuthorization);
      return { zone: name, name, value };
    },
    present: noop,
    async visible(response, options) {
      const answers = await recordAnswers(response, { clock, lookUp, servers, ...options });
      const hidden = answers.filter(({ state }) => state !== 'seen');
      if (hidden.length > 0)
        throw new DnsError(
          'ERR_DNS_NOT_VISIBLE',
          `the TXT record ${response.name} is not visible at ${hidden.map(({ server }) => server).join(', ')}`,
        );
    },
    remove: noop,
  };
}

/** A person sets and removes the record. */
async function noop(): Promise<void> {
  await Promise.resolve();
}

/** Reports whether a look-up failed, and not what it found. */
function isLookUpFailure(error: unknown): boolean {
  return (
    errorCode(error) === 'ERR_DNS_LOOKUP' && error instanceof Error && error.cause !== undefined
  );
}
