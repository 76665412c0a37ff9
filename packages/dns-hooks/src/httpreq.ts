import type { Clock, DurationInput } from '@acmex/clock';
import {
  basic,
  type DnsOptions,
  type DnsProvider,
  jsonApi,
  recordName,
  type Secret,
  type TxtRecord,
} from '@acmex/dns';
import { rawChallenge } from './raw-challenge.ts';

export interface HttpreqOptions {
  /** The prefix of `/present` and `/cleanup`. */
  readonly endpoint: string;
  /**
   * The body: by default `{"fqdn":"_acme-challenge.a.test.","value":"…"}`;
   * with RAW `{"domain":"a.test","token":"…","keyAuth":"…"}`, from which the server makes the record.
   */
  readonly mode?: 'default' | 'RAW';
  readonly user?: { readonly name: string; readonly password: Secret };
  /** 1 minute by default. */
  readonly limit?: DurationInput;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/**
 * Writes TXT records through a server with the API of lego's `httpreq` provider. Every status 2xx is
 * a success.
 *
 * @see https://go-acme.github.io/lego/dns/httpreq/
 * @throws DnsError as `jsonApi` does; `ERR_DNS_HOOK` for RAW with a record without a challenge
 */
export function httpreq({
  endpoint,
  mode = 'default',
  user,
  ...more
}: HttpreqOptions): DnsProvider {
  const api = jsonApi({
    provider: 'httpreq',
    baseUrl: endpoint.replace(/\/$/, ''),
    ...(user ? { headers: { authorization: basic(user.name, user.password) } } : {}),
    ...more,
  });
  const postEach = async (
    path: string,
    zone: string,
    records: readonly TxtRecord[],
    options?: DnsOptions,
  ) => {
    for (const record of records)
      await api('POST', path, {
        ...options,
        body:
          mode === 'RAW'
            ? challengeBody(zone, record)
            : { fqdn: `${recordName(zone, record)}.`, value: record.value },
      });
  };
  return {
    name: 'httpreq',
    wholeNames: true,
    append: (zone, records, options) => postEach('/present', zone, records, options),
    remove: (zone, records, options) => postEach('/cleanup', zone, records, options),
  };
}

function challengeBody(zone: string, record: TxtRecord): object {
  const { domain, token, keyAuthorization: keyAuth } = rawChallenge('httpreq', zone, record);
  return { domain, token, keyAuth };
}
