import { type Clock, keyedMutex, systemClock } from '@acmex/clock';
import {
  allPages,
  concealed,
  DnsError,
  type DnsErrorCode,
  type DnsOptions,
  type DnsProvider,
  type HostZone,
  type HostZones,
  hostZones,
  jsonApi,
  recordName,
  type Refusal,
  reveal,
  type Secret,
  type TxtRecord,
} from '@acmex/dns';

/** An API user by its number, or an API sub-user by its number or name. */
export type CloudnsUser =
  { readonly authId: string } | { readonly subAuthId: string } | { readonly subAuthUser: string };

export interface CloudnsOptions {
  readonly user: CloudnsUser;
  /** Of the API user, and not of the account. */
  readonly password: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** Sends fields to a path of the API, with the credentials. */
type Post = <T>(
  path: string,
  fields: Readonly<Record<string, string>>,
  options: DnsOptions & {
    readonly zone?: string;
    readonly repeatable?: true;
    readonly answer: T;
  },
) => Promise<T>;

interface Row {
  readonly id: string | number;
  readonly type: string;
  /** Relative to the zone; empty for the zone itself. */
  readonly host: string;
  readonly record: string;
}

/** Seconds. ClouDNS refuses all others. */
const times = [
  60, 300, 900, 1800, 3600, 21_600, 43_200, 86_400, 172_800, 259_200, 604_800, 1_209_600, 2_592_000,
];
const meanings: readonly (readonly [RegExp, DnsErrorCode])[] = [
  [/authentication/i, 'ERR_DNS_CREDENTIALS'],
  [/domain-name/, 'ERR_DNS_ZONE_NOT_FOUND'],
  [/requests per/, 'ERR_DNS_RATE_LIMITED'],
];

/**
 * TXT records at ClouDNS. A time to live that ClouDNS does not have becomes the next longer one
 * that it has.
 * @see https://www.cloudns.net/wiki/article/41/
 */
export function cloudns({ user, password, ...more }: CloudnsOptions): DnsProvider {
  const mutex = keyedMutex();
  const post: Post = async (path, fields, options) => {
    const secret = await reveal(password, { provider: 'cloudns', what: 'the password' });
    const api = jsonApi({
      provider: 'cloudns',
      baseUrl: 'https://api.cloudns.net/dns',
      refusal: (json) => refusal(json, secret),
      ...more,
    });
    return await api('POST', path, {
      ...options,
      body: new URLSearchParams({ ...fieldsOf(user), 'auth-password': secret, ...fields }),
    });
  };
  const zones = cloudnsZones(post, more.clock ?? systemClock);
  return {
    name: 'cloudns',
    async append(zone, records, options = {}) {
      for (const record of records) {
        await mutex(
          `${recordName(zone, record)} ${record.value}`,
          async () => {
            if ((await find(post, zone, record, options)).length > 0) return;
            await post(
              '/add-record.json',
              {
                'domain-name': zone,
                'record-type': 'TXT',
                host: hostOf(record),
                record: record.value,
                ttl: timeOf(record),
              },
              { ...options, zone, answer: { status: '' } },
            );
          },
          options,
        );
      }
    },
    async remove(zone, records, options = {}) {
      for (const record of records) {
        for (const { id } of await find(post, zone, record, options))
          await post(
            '/delete-record.json',
            { 'domain-name': zone, 'record-id': String(id) },
            { ...options, zone, repeatable: true, answer: { status: '' } },
          );
      }
    },
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

function fieldsOf(user: CloudnsUser): Readonly<Record<string, string>> {
  if ('authId' in user) return { 'auth-id': user.authId };
  return 'subAuthId' in user
    ? { 'sub-auth-id': user.subAuthId }
    : { 'sub-auth-user': user.subAuthUser };
}

function hostOf({ name }: TxtRecord): string {
  return name === '@' ? '' : name;
}

function timeOf({ ttl = 60 }: TxtRecord): string {
  return String(times.find((time) => time >= ttl) ?? times.at(-1));
}

function isRow(row: unknown): row is Row {
  const { id, type, host, record } = { ...(row as Partial<Row> | null) };
  return (
    ['string', 'number'].includes(typeof id) &&
    [type, host, record].every((text) => typeof text === 'string')
  );
}

/** Every answer has status 200. Deleting a record that is not there counts as success. */
function refusal(json: unknown, secret: string): Refusal | undefined {
  const { status, statusDescription } = {
    ...(json as { readonly status?: unknown; readonly statusDescription?: unknown } | undefined),
  };
  if (status !== 'Failed') return undefined;
  const message = concealed(String(statusDescription), [secret]);
  const [, code] = meanings.find(([words]) => words.test(message)) ?? [];
  return /^Invalid record-id\b/.test(message) ? undefined : { message, ...(code ? { code } : {}) };
}

async function find(
  post: Post,
  zone: string,
  record: TxtRecord,
  options: DnsOptions,
): Promise<readonly Row[]> {
  // By their ids, or an empty list.
  const rows: readonly unknown[] = Object.values(
    await post(
      '/records.json',
      { 'domain-name': zone, host: hostOf(record), type: 'TXT' },
      { ...options, zone, repeatable: true, answer: {} },
    ),
  );
  if (!rows.every(isRow))
    throw new DnsError(
      'ERR_DNS_API',
      `cloudns: a record of ${zone} lacks its id, type, host or value: see whether cloudns has trouble, or has changed its API`,
    );
  return rows.filter(
    ({ type, host, record: value }) =>
      type === 'TXT' && host === hostOf(record) && value === record.value,
  );
}

const zoneAnswer = { name: '', type: '' };

/** Zones that are copied from another server, or parked, cannot be written. */
function isWritable({ type }: { readonly type: string }): boolean {
  return type !== 'slave' && type !== 'parked';
}

function cloudnsZones(post: Post, clock: Clock): HostZones<HostZone> {
  return hostZones({
    clock,
    list: async (options) => (await allZones(post, options)).filter(isWritable),
    ask: async (name, options) =>
      [
        await post(
          '/get-zone-info.json',
          { 'domain-name': name },
          { ...options, zone: name, repeatable: true, answer: zoneAnswer },
        ),
      ].filter(isWritable),
    search: async (base, options) => {
      const zones = await zonesPage(post, { page: '1', search: base }, options);
      return { zones: zones.filter(isWritable), isComplete: zones.length < pageSize };
    },
  });
}

const pageSize = 100;
const size = { 'rows-per-page': String(pageSize) };

async function allZones(post: Post, options: DnsOptions) {
  const pages = await post('/get-pages-count.json', size, {
    ...options,
    repeatable: true,
    answer: 0,
  });
  if (pages < 1) return [];
  return await allPages(
    1,
    async (page) => {
      const items = await zonesPage(post, { page: String(page) }, options);
      return { items, next: page < pages ? page + 1 : undefined };
    },
    { provider: 'cloudns' },
  );
}

async function zonesPage(
  post: Post,
  fields: Readonly<Record<string, string>>,
  options: DnsOptions,
): Promise<readonly (typeof zoneAnswer)[]> {
  return await post(
    '/list-zones.json',
    { ...size, ...fields },
    { ...options, repeatable: true, answer: [zoneAnswer] },
  );
}
