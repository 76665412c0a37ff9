import type { ChallengeSolver } from '@acmex/client';
import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { type AnsweredChallenge, type DnsProvider, findZone, followAliases, lookUp as ask, type LookUp, type Propagation, recordVisible, relativeName } from '@acmex/dns';
import { keyAuthorizationDigest } from '@acmex/protocol';

export interface Dns01Options {
  /** Who writes the records. */
  readonly provider: DnsProvider;
  /** When a record counts as visible; by default when every authoritative server shows it. */
  readonly propagation?: Propagation;
  /** How long that may take; 5 minutes by default. */
  readonly limit?: DurationInput;
  /** Questions about zones and aliases; to the system's resolver by default. */
  readonly lookUp?: LookUp;
  readonly clock?: Clock;
}

/** A TXT record for one dns-01 challenge: which zone it is written in, its whole name, its value; and the challenge, for hosts that make the record from that by themselves. */
export type Dns01Response = { readonly zone: string; readonly name: string; readonly value: string; readonly challenge?: AnsweredChallenge };

/** For taking a record down; nobody can cancel that. */
const removeLimit = 'PT2M';

/**
 * Proves domain names and wildcards by TXT records. RFC 8555 §8.4. Where `_acme-challenge` is an alias (CNAME), the record
 * is written where that leads. A name and its wildcard show two values at one name.
 * @throws DnsError by all that the provider and the look-ups throw
 */
export function dns01({ provider, propagation = { check: 'authoritative' }, limit = 'PT5M', clock = systemClock, lookUp = ask({ clock }) }: Dns01Options): ChallengeSolver<Dns01Response> {
  const recordOf = ({ zone, name, value, challenge }: Dns01Response) => ({ name: relativeName(zone, name), value, ...(challenge ? { challenge } : {}) });
  return {
    type: 'dns-01',
    supports: ({ type }) => type === 'dns',
    async respond({ identifier, token, keyAuthorization }, options) {
      const name = await followAliases(`_acme-challenge.${identifier.value}`, lookUp, options);
      const zone = provider.wholeNames ? name : await findZone(name, { lookUp, provider }, options);
      return { zone, name, value: (await keyAuthorizationDigest(keyAuthorization)).base64url, challenge: { domain: identifier.value, token, keyAuthorization } };
    },
    present: (response, options) => provider.append(response.zone, [recordOf(response)], options),
    async visible(response, options) {
      const zone = provider.wholeNames && propagation.check === 'authoritative' ? await findZone(response.name, { lookUp }, options) : response.zone;
      await recordVisible({ ...response, zone }, { clock, lookUp, propagation, limit, ...options });
    },
    remove: (response) => withTimeLimit({ clock, limit: removeLimit }, (signal) => provider.remove(response.zone, [recordOf(response)], { signal })),
  };
}
