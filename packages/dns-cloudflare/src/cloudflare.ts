import type { Clock } from '@acmex/clock';
import { allPages, bearer, DnsError, type DnsOptions, type DnsProvider, jsonApi, quoted, recordName, type Refusal, type Secret, type TxtRecord, unquoted } from '@acmex/dns';

export interface CloudflareOptions {
  /** An API token that may read the zone (Zone.Zone) and edit its records (Zone.DNS). */
  readonly token: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/**
 * TXT records at Cloudflare.
 * @see https://developers.cloudflare.com/api/resources/dns/subresources/records/
 */
export function cloudflare({ token, ...more }: CloudflareOptions): DnsProvider {
  const api = jsonApi({ provider: 'cloudflare', baseUrl: 'https://api.cloudflare.com/client/v4', headers: { authorization: bearer(token) }, refusal, ...more });

  /** Every item of a list, page by page. */
  const list = async <T>(path: string, query: Readonly<Record<string, string>>, item: T, options: DnsOptions & { readonly zone?: string }) =>
    await allPages(1, async (page) => {
      const { result, result_info: { total_pages: last } } = await api('GET', `${path}?${new URLSearchParams({ ...query, page: String(page), per_page: '50' })}`, { ...options, answer: { result: [item], result_info: { total_pages: 0 } } });
      return { items: result, next: page < last ? page + 1 : undefined };
    }, { provider: 'cloudflare' });
  const recordsOf = async (zone: string, options: DnsOptions): Promise<string> => {
    const found = (await list('/zones', { name: zone }, { id: '', name: '' }, { ...options, zone })).find(({ name }) => name === zone);
    if (found) return `/zones/${encodeURIComponent(found.id)}/dns_records`;
    throw new DnsError('ERR_DNS_ZONE_NOT_FOUND', `cloudflare: no zone ${zone} with this token: check the name, and that the token has Zone.Zone read for it`);
  };
  const find = async (path: string, zone: string, record: TxtRecord, options: DnsOptions) =>
    (await list(path, { type: 'TXT', 'name.exact': recordName(zone, record) }, { id: '', type: '', name: '', content: '' }, { ...options, zone }))
      .filter(({ type, name, content }) => type === 'TXT' && name === recordName(zone, record) && unquoted(content) === record.value);

  return {
    name: 'cloudflare',
    async append(zone, records, options = {}) {
      const path = await recordsOf(zone, options);
      for (const record of records) {
        if ((await find(path, zone, record, options)).length > 0) continue;
        const body = { type: 'TXT', name: recordName(zone, record), content: quoted(record.value), ttl: record.ttl ?? 60 };
        await api('POST', path, { ...options, zone, body }).catch(async (error: unknown) => {
          options.signal?.throwIfAborted();
          // Someone else was faster (81058: an identical record exists), or the answer was lost: what counts is whether it is there.
          if (!isRefused(error) || (await find(path, zone, record, options)).length === 0) throw error;
        });
      }
    },
    async remove(zone, records, options = {}) {
      const path = await recordsOf(zone, options);
      for (const record of records) {
        for (const { id } of await find(path, zone, record, options)) await api('DELETE', `${path}/${encodeURIComponent(id)}`, { ...options, zone, accept: [404] });
      }
    },
    zones: async (options = {}) => (await list('/zones', {}, { name: '' }, options)).map(({ name }) => name),
  };
}

/** Cloudflare answers 400 also where a token cannot be one (6003, with 6111 in its chain). */
function refusal(json: unknown, status: number): Refusal | undefined {
  if (status < 400 || typeof json !== 'object' || json === null || !('errors' in json) || !Array.isArray(json.errors)) return undefined;
  const errors = json.errors as readonly { readonly code?: unknown; readonly message?: unknown }[];
  const message = errors.map((error) => `${String(error?.message)} (${String(error?.code)})`).join('; ');
  return { message, ...(errors.some((error) => error?.code === 6003 || error?.code === 9109 || error?.code === 10_000) && status !== 429 ? { code: 'ERR_DNS_CREDENTIALS' as const } : {}) };
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_DNS_API';
}
