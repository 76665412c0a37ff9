import { type Clock, keyedMutex, systemClock } from '@acmex/clock';
import {
  acceptedTtl,
  allPages,
  bearer,
  DnsError,
  type DnsOptions,
  type DnsProvider,
  type HostZones,
  hostZones,
  type JsonApi,
  jsonApi,
  type Page,
  recordName,
  type Secret,
  type TxtRecord,
} from '@acmex/dns';

export interface LinodeOptions {
  /** A personal access token that may read and write domains. */
  readonly token: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** The API with a filter for lists. */
type LinodeApi = (filter?: object) => JsonApi;

/**
 * TXT records at Linode (Akamai Connected Cloud). Linode rounds a time to live up to one that it
 * knows: 30 seconds, 2 and 5 minutes, 1, 2 and 4 hours, and so on.
 * @see https://techdocs.akamai.com/linode-api/reference/get-domain-records
 */
export function linode({ token, ...more }: LinodeOptions): DnsProvider {
  const api: LinodeApi = (filter = {}) =>
    jsonApi({
      provider: 'linode',
      baseUrl: 'https://api.linode.com/v4',
      headers: { authorization: bearer(token), 'x-filter': JSON.stringify(filter) },
      ...more,
    });
  const mutex = keyedMutex();
  const zones = primaryDomains(api, more.clock ?? systemClock);

  return {
    name: 'linode',
    append: (zone, records, options = {}) =>
      zones.use(zone, options, async (entries) => {
        const path = pathOf(zone, entries);
        for (const record of records) {
          // Linode keeps a second record of the same name and value beside the first.
          await mutex(
            `${recordName(zone, record)} ${record.value}`,
            async () => {
              if ((await find(api, path, zone, record, options)).length > 0) return;
              const { name, value } = record;
              // 0 would be the domain's own, which may be days.
              await api()('POST', path, {
                ...options,
                zone,
                body: {
                  type: 'TXT',
                  name: name === '@' ? '' : name,
                  target: value,
                  ttl_sec: acceptedTtl(record.ttl, { minimum: 30 }),
                },
              });
            },
            options,
          );
        }
      }),
    remove: (zone, records, options = {}) =>
      zones.use(zone, options, async (entries) => {
        const path = pathOf(zone, entries);
        for (const record of records) {
          for (const { id } of await find(api, path, zone, record, options))
            await api()('DELETE', `${path}/${id}`, { ...options, zone, accept: [404] });
        }
      }),
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

async function find(
  api: LinodeApi,
  path: string,
  zone: string,
  { name, value }: TxtRecord,
  options: DnsOptions,
) {
  const wanted = name === '@' ? '' : name;
  const all = await list(
    api,
    path,
    { id: 0, type: '', name: '', target: '' },
    { type: 'TXT', ...(wanted === '' ? {} : { name: wanted }) },
    { ...options, zone },
  );
  return all.filter(
    (record) => record.type === 'TXT' && record.name === wanted && record.target === value,
  );
}

interface LinodeZone {
  readonly id: number;
  readonly name: string;
}

function pathOf(zone: string, [entry]: readonly LinodeZone[]): string {
  if (entry) return `/domains/${entry.id}/records`;
  throw new DnsError(
    'ERR_DNS_ZONE_NOT_FOUND',
    `linode: no primary domain ${zone} with this token: check the name, and which domains its user can write`,
  );
}

/** Those that are written here, and not copied from another server. */
function primaryDomains(api: LinodeApi, clock: Clock): HostZones<LinodeZone> {
  const example = { id: 0, domain: '', type: '' };
  const primary = (domains: readonly (typeof example)[]) =>
    domains.filter(({ type }) => type === 'master').map(({ id, domain: name }) => ({ id, name }));
  const listed = async (filter: object, options: DnsOptions) =>
    primary(await list(api, '/domains', example, filter, options));
  return hostZones({
    clock,
    list: (options) => listed({}, options),
    ask: (domain, options) => listed({ domain }, options),
    search: async (base, options) => {
      const filter = { domain: { '+contains': base } };
      const { items, next } = await pageOf(api(filter), '/domains', example, {
        ...options,
        page: 1,
      });
      return { zones: primary(items), isComplete: next === undefined };
    },
  });
}

function list<T>(
  api: LinodeApi,
  path: string,
  example: T,
  filter: object,
  options: DnsOptions & { readonly zone?: string },
) {
  return allPages(1, (page) => pageOf(api(filter), path, example, { ...options, page }), {
    provider: 'linode',
  });
}

async function pageOf<T>(
  api: JsonApi,
  path: string,
  example: T,
  { page, ...options }: DnsOptions & { readonly zone?: string; readonly page: number },
): Promise<Page<T, number>> {
  const { data, pages } = await api('GET', `${path}?page=${page}&page_size=500`, {
    ...options,
    answer: { data: [example], pages: 0 },
  });
  return { items: data, next: page < pages ? page + 1 : undefined };
}
