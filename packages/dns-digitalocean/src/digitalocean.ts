import { type Clock, keyedMutex } from '@acmex/clock';
import {
  allPages,
  bearer,
  type DnsOptions,
  type DnsProvider,
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

  return {
    name: 'digitalocean',
    async append(zone, records, options = {}) {
      for (const record of records) {
        // DigitalOcean keeps a second record of the same name and value beside the first.
        await mutex(
          `${recordName(zone, record)} ${record.value}`,
          async () => {
            if ((await find(api, zone, record, options)).length > 0) return;
            await api('POST', pathOf(zone), {
              ...options,
              zone,
              body: { type: 'TXT', name: record.name, data: record.value, ttl: record.ttl ?? 30 },
            });
          },
          options,
        );
      }
    },
    async remove(zone, records, options = {}) {
      for (const record of records) {
        for (const { id } of await find(api, zone, record, options))
          await api('DELETE', `${pathOf(zone)}/${id}`, { ...options, zone, accept: [404] });
      }
    },
    zones: (options = {}) =>
      allPages(
        1,
        async (page) => {
          const {
            domains,
            meta: { total },
          } = await api('GET', `/domains?page=${page}&per_page=200`, {
            ...options,
            answer: { domains: [{ name: '' }], meta: { total: 0 } },
          });
          return {
            items: domains.map(({ name }) => name),
            next: 200 * page < total ? page + 1 : undefined,
          };
        },
        { provider: 'digitalocean' },
      ),
  };
}

function pathOf(zone: string): string {
  return `/domains/${encodeURIComponent(zone)}/records`;
}

async function find(api: JsonApi, zone: string, record: TxtRecord, options: DnsOptions) {
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
      } = await api('GET', `${pathOf(zone)}?${query}`, {
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
