import { randomUUID } from 'node:crypto';
import { type Clock, keyedMutex, systemClock } from '@acmex/clock';
import {
  acceptedTtl,
  allPages,
  type ApiRequest,
  type CallOptions,
  DnsError,
  type DnsErrorCode,
  type DnsOptions,
  type DnsProvider,
  type HostZone,
  type HostZones,
  hostZones,
  jsonApi,
  type Page,
  recordName,
  type Refusal,
  type TxtRecord,
} from '@acmex/dns';
import { acs3, canonicalQuery, sha256 } from './acs3.ts';
import { type SigningKey, signingKeys } from './credentials.ts';
import type { AlibabaOptions } from './options.ts';

interface DomainRecords {
  readonly TotalCount: number;
  readonly DomainRecords: {
    readonly Record: readonly {
      readonly RecordId: string;
      readonly RR: string;
      readonly Type: string;
      readonly Value: string;
    }[];
  };
}
interface Domains {
  readonly TotalCount: number;
  readonly Domains: {
    readonly Domain: readonly { readonly DomainName: string }[];
  };
}

const recordsAnswer: DomainRecords = {
  TotalCount: 0,
  DomainRecords: { Record: [{ RecordId: '', RR: '', Type: '', Value: '' }] },
};
const domainsAnswer: Domains = { TotalCount: 0, Domains: { Domain: [{ DomainName: '' }] } };

/** Calls an action of the API. */
type Call = <T>(
  action: string,
  parameters: Readonly<Record<string, string>>,
  options: CallOptions<T>,
) => Promise<T>;

/**
 * TXT records in Alibaba Cloud DNS.
 * @throws RangeError unless there is either an access key or a RAM role
 * @see https://www.alibabacloud.com/help/en/dns/api-alidns-2015-01-09-overview
 */
export function alibaba(options: AlibabaOptions): DnsProvider {
  const call = signedCall(options);
  const mutex = keyedMutex();
  const zones = alibabaZones(call, options.clock ?? systemClock);

  return {
    name: 'alibaba',
    async append(zone, records, options = {}) {
      const domain = await zones.listedName(zone, options);
      for (const record of records)
        await mutex(
          `${recordName(zone, record)} ${record.value}`,
          () => add(call, domain, record, options),
          options,
        );
    },
    async remove(zone, records, options = {}) {
      const domain = await zones.listedName(zone, options);
      for (const record of records) await take(call, domain, record, options);
    },
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

function alibabaZones(call: Call, clock: Clock): HostZones<HostZone> {
  const domains = async (
    page: number,
    filter: Readonly<Record<string, string>>,
    options: DnsOptions,
  ): Promise<Page<HostZone, number>> => {
    const {
      TotalCount,
      Domains: { Domain },
    } = await call(
      'DescribeDomains',
      { ...filter, PageSize: '100', PageNumber: String(page) },
      { ...options, answer: domainsAnswer },
    );
    return {
      items: Domain.map(({ DomainName: name }) => ({ name })),
      next: 100 * page < TotalCount ? page + 1 : undefined,
    };
  };
  return hostZones({
    clock,
    writes: 'u-labels',
    list: (options) => allPages(1, (page) => domains(page, {}, options), { provider: 'alibaba' }),
    search: async (KeyWord, options) => {
      const { items, next } = await domains(1, { KeyWord }, options);
      return { zones: items, isComplete: next === undefined };
    },
    async ask(name, options) {
      const { DomainName } = await call(
        'DescribeDomainInfo',
        { DomainName: name },
        { ...options, zone: name, answer: { DomainName: '' } },
      );
      return [{ name: DomainName }];
    },
  });
}

function hostOf(region: string | undefined): string {
  if (region === undefined) return 'alidns.aliyuncs.com';
  if (/^[a-z0-9-]+$/.test(region)) return `alidns.${region}.aliyuncs.com`;
  throw new DnsError(
    'ERR_DNS_API',
    `alibaba: ${JSON.stringify(region)} is not a region: give it as ap-southeast-1, or leave it out`,
  );
}

const codes: readonly (readonly [RegExp, DnsErrorCode])[] = [
  [/^(Throttling|FlowControl)/, 'ERR_DNS_RATE_LIMITED'],
  [/^(InvalidDomainName\.NoExist|IncorrectDomainUser)$/, 'ERR_DNS_ZONE_NOT_FOUND'],
  [
    /^(InvalidAccessKey|InvalidTimeStamp|SignatureDoesNotMatch|IncompleteSignature|(Invalid|Missing|Malformed)SecurityToken|Forbidden|NoPermission|IllegalUser)/,
    'ERR_DNS_CREDENTIALS',
  ],
];

/** Codes of credentials that are not valid any longer. */
const isOver = /^(InvalidAccessKey|(Invalid|Malformed)SecurityToken)/;

/** Alibaba Cloud says by a code in the body what the status does not. */
function refusal(json: unknown, status: number): Refusal | undefined {
  const { Code, Message } = {
    ...(json as { readonly Code?: unknown; readonly Message?: unknown } | undefined),
  };
  if (status < 400 || typeof Code !== 'string') return undefined;
  // A 404 is about an action or an AccessKey, never about a zone.
  const code =
    codes.find(([pattern]) => pattern.test(Code))?.[1] ??
    (status === 404 ? 'ERR_DNS_API' : undefined);
  return {
    ...(code ? { code } : {}),
    message: `${Code}: ${String(Message)}`,
    // Alibaba Cloud still works on the change before.
    ...(Code === 'LastOperationNotFinished' ? { trouble: true as const } : {}),
  };
}

async function take(
  call: Call,
  zone: string,
  record: TxtRecord,
  options: DnsOptions,
): Promise<void> {
  for (const { RecordId } of await find(call, zone, record, options)) {
    await call('DeleteDomainRecord', { RecordId }, { ...options, zone, repeatable: true }).catch(
      async (error: unknown) => {
        if ((await find(call, zone, record, options)).some((row) => row.RecordId === RecordId))
          throw error;
      },
    );
  }
}

async function add(
  call: Call,
  zone: string,
  record: TxtRecord,
  options: DnsOptions,
): Promise<void> {
  if ((await find(call, zone, record, options)).length > 0) return;
  const { name: RR, value: Value } = record;
  const TTL = acceptedTtl(record.ttl, { minimum: 600, maximum: 86_400 });
  await call(
    'AddDomainRecord',
    { DomainName: zone, RR, Type: 'TXT', Value, TTL: String(TTL) },
    { ...options, zone },
  ).catch(async (error: unknown) => {
    // It is there when an answer was lost, or another was quicker: Alibaba Cloud refuses a second
    // one.
    if ((await find(call, zone, record, options)).length === 0) throw error;
  });
}

async function find(call: Call, zone: string, { name, value }: TxtRecord, options: DnsOptions) {
  // The keyword finds names that have it in them, too.
  const query = { DomainName: zone, RRKeyWord: name, TypeKeyWord: 'TXT', PageSize: '500' };
  const all = await allPages(
    1,
    async (page) => {
      const {
        TotalCount,
        DomainRecords: { Record: items },
      } = await call(
        'DescribeDomainRecords',
        { ...query, PageNumber: String(page) },
        { ...options, zone, answer: recordsAnswer },
      );
      return { items, next: 500 * page < TotalCount ? page + 1 : undefined };
    },
    { provider: 'alibaba' },
  );
  return all.filter(
    (row) =>
      row.Type === 'TXT' && row.RR.toLowerCase() === name.toLowerCase() && row.Value === value,
  );
}

/** Returns the API with each request signed by the credentials. */
function signedCall(options: AlibabaOptions): Call {
  const { region, fetch, clock = systemClock } = options;
  const keys = signingKeys(options);
  const sign = (action: string, request: ApiRequest, key: SigningKey) => {
    const headers = {
      'x-acs-action': action,
      'x-acs-version': '2015-01-09',
      'x-acs-date': clock.now().toString({ smallestUnit: 'second' }),
      'x-acs-signature-nonce': randomUUID(),
      'x-acs-content-sha256': sha256(request.body),
    };
    const authorization = acs3({ ...request, headers: { ...request.headers, ...headers } }, key);
    return { ...headers, authorization };
  };
  return async (action, parameters, callOptions) =>
    await keys.use(callOptions, async (key) => {
      const api = jsonApi({
        provider: 'alibaba',
        baseUrl: `https://${hostOf(region)}`,
        // As a header of the API's, it is kept out of messages: Alibaba Cloud quotes what was signed.
        headers: key.token === undefined ? {} : { 'x-acs-security-token': key.token },
        sign: async (request) => sign(action, request, key),
        refusal(json, status) {
          const refused = refusal(json, status);
          if (refused && isOver.test(refused.message)) keys.forget();
          return refused;
        },
        clock,
        ...(fetch ? { fetch } : {}),
      });
      return await api(
        action.startsWith('Describe') ? 'GET' : 'POST',
        `/?${canonicalQuery(Object.entries(parameters))}`,
        callOptions,
      );
    });
}
