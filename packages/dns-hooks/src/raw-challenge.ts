import { type AnsweredChallenge, DnsError, recordName, type TxtRecord } from '@acmex/dns';

/**
 * Returns the challenge of a record, for the mode RAW.
 *
 * @throws DnsError `ERR_DNS_HOOK` for a record without a challenge
 */
export function rawChallenge(
  provider: string,
  zone: string,
  { challenge, ...record }: TxtRecord,
): AnsweredChallenge {
  if (challenge) return challenge;
  throw new DnsError(
    'ERR_DNS_HOOK',
    `${provider}: the mode RAW sends the challenge, and the record ${recordName(zone, record)} has none: use the default mode`,
  );
}
