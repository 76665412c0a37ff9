import { type Clock, keyedMutex, systemClock } from '@acmex/clock';
import {
  acceptedTtl,
  allPages,
  bearer,
  type DnsOptions,
  type DnsProvider,
  type HostZone,
  type HostZones,
  hostZones,
  type JsonApi,
  jsonApi,
  recordName,
  type Secret,
  type TxtRecord,
} from '@acmex/dns';

export interface DigitaloceanOptions {
  /** A personal access token with the scopes domain:read, domain:create and domain:delete. */
  readonly token: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/**
 * TXT records at DigitalOcean.
 * @see https://docs.digitalocean.com/reference/api/reference/domains/
 */
export function digitalocean({ token, ...more }: DigitaloceanOptions): DnsProvider {
  const api = jsonApi({
    provider: 'digitalocean',
    baseUrl: 'https://api.digitalocean.com/v2',
    headers: { authorization: bearer(token) },
    ...more,
  });
  const mutex = keyedMutex();
  const zones = domains(api, more.clock ?? systemClock);

  return {
    name: 'digitalocean',
    async append(zone, records, options = {}) {
      const path = pathOf(await zones.listedName(zone, options));
      for (const record of records)
        // DigitalOcean keeps a second record of the same name and value beside the first.
        await mutex(
          `${recordName(zone, record)} ${record.value}`,
          () => add(api, path, zone, record, options),
          options,
        );
    },
    async remove(zone, records, options = {}) {
      const path = pathOf(await zones.listedName(zone, options));
      for (const record of records)
        for (const { id } of await find(api, path, zone, record, options))
          await api('DELETE', `${path}/${id}`, { ...options, zone, accept: [404] });
    },
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

function domains(api: JsonApi, clock: Clock): HostZones<HostZone> {
  return hostZones({
    clock,
    list: (options) =>
      allPages(
        1,
        async (page) => {
          const {
            domains: items,
            meta: { total },
          } = await api('GET', `/domains?page=${page}&per_page=200`, {
            ...options,
            answer: { domains: [{ name: '' }], meta: { total: 0 } },
          });
          return { items, next: 200 * page < total ? page + 1 : undefined };
        },
        { provider: 'digitalocean' },
      ),
    async ask(name, options) {
      const { domain } = await api('GET', `/domains/${encodeURIComponent(name)}`, {
        ...options,
        zone: name,
        answer: { domain: { name: '' } },
      });
      return [domain];
    },
  });
}

async function add(
  api: JsonApi,
  path: string,
  zone: string,
  record: TxtRecord,
  options: DnsOptions,
): Promise<void> {
  if ((await find(api, path, zone, record, options)).length > 0) return;
  await api('POST', path, {
    ...options,
    zone,
    body: {
      type: 'TXT',
      name: record.name,
      data: record.value,
      ttl: acceptedTtl(record.ttl, { minimum: 30 }),
    },
  });
}

function pathOf(listedName: string): string {
  return `/domains/${encodeURIComponent(listedName)}/records`;
}

async function find(
  api: JsonApi,
  path: string,
  zone: string,
  record: TxtRecord,
  options: DnsOptions,
) {
  const all = await allPages(
    1,
    async (page) => {
      const query = new URLSearchParams({
        type: 'TXT',
        name: recordName(zone, record),
        page: String(page),
        per_page: '200',
      });
      const {
        domain_records: items,
        meta: { total },
      } = await api('GET', `${path}?${query}`, {
        ...options,
        zone,
        answer: { domain_records: [{ id: 0, type: '', name: '', data: '' }], meta: { total: 0 } },
      });
      return { items, next: 200 * page < total ? page + 1 : undefined };
    },
    { provider: 'digitalocean' },
  );
  return all.filter(
    ({ type, name, data }) => type === 'TXT' && name === record.name && data === record.value,
  );
}
