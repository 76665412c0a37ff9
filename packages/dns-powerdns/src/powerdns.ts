import { type Clock, keyedMutex, systemClock } from '@acmex/clock';
import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  hostZones,
  type JsonApi,
  jsonApi,
  quoted,
  recordName,
  type Secret,
  type TxtRecord,
  unquoted,
} from '@acmex/dns';

export interface PowerdnsOptions {
  /** The URL of the API, without `/api/v1`: `http://127.0.0.1:8081`. */
  readonly url: string;
  /** The `api-key` of pdns.conf. */
  readonly apiKey: Secret;
  /** `localhost` by default, as every PowerDNS calls itself. */
  readonly server?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

interface RecordSet {
  readonly ttl: number;
  readonly records: readonly { readonly content: string; readonly disabled: boolean }[];
}

const zoneAnswer: {
  readonly kind?: string;
  readonly rrsets: readonly (RecordSet & { readonly name: string; readonly type: string })[];
} = { rrsets: [{ name: '', type: '', ttl: 0, records: [{ content: '', disabled: false }] }] };

/**
 * TXT records in PowerDNS, by its HTTP API. It replaces record sets as a whole, so the existing set
 * is read first and written again. Within this process nothing else changes it in between; if
 * several processes write at one name, use @acmex/dns-rfc2136, which PowerDNS understands too.
 * @see https://doc.powerdns.com/authoritative/http-api/zone.html
 */
export function powerdns({
  url,
  apiKey,
  server = 'localhost',
  ...more
}: PowerdnsOptions): DnsProvider {
  const api = jsonApi({
    provider: 'powerdns',
    baseUrl: `${url.replace(/\/$/, '')}/api/v1/servers/${encodeURIComponent(server)}`,
    headers: { 'x-api-key': apiKey },
    ...more,
  });
  const mutex = keyedMutex();
  const zones = hostZones({
    clock: more.clock ?? systemClock,
    list: (options) => api('GET', '/zones', { ...options, answer: [{ name: '' }] }),
  });

  /**
   * Changes the record set of each record's name; `change` returns undefined where it is right
   * already.
   */
  const each = async (
    zone: string,
    records: readonly TxtRecord[],
    options: DnsOptions,
    change: (set: RecordSet, record: TxtRecord) => RecordSet | undefined,
  ) => {
    for (const record of records) {
      const name = `${recordName(zone, record)}.`;
      await mutex(
        name.toLowerCase(),
        async () => {
          const { kind, set } = await read(api, zone, name, options);
          const changed = change(set, record);
          if (!changed) return;
          await write(api, zone, name, changed, options);
          if (/^(master|primary)$/i.test(kind)) await notify(api, zone, options);
        },
        options,
      );
    }
  };

  return {
    name: 'powerdns',
    append: (zone, records, options = {}) => each(zone, records, options, withValue),
    remove: (zone, records, options = {}) => each(zone, records, options, withoutValue),
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

function withValue(set: RecordSet, { value, ttl = set.ttl }: TxtRecord): RecordSet | undefined {
  if (set.records.some((record) => !record.disabled && unquoted(record.content) === value))
    return undefined;
  const remaining = set.records.filter(({ content }) => unquoted(content) !== value);
  return { ttl, records: [...remaining, { content: quoted(value), disabled: false }] };
}

function withoutValue(set: RecordSet, { value }: TxtRecord): RecordSet | undefined {
  const records = set.records.filter(({ content }) => unquoted(content) !== value);
  return records.length === set.records.length ? undefined : { ...set, records };
}

/** A zone's id is its name, with `=2F` for a slash. */
function pathOf(zone: string): string {
  return `/zones/${encodeURIComponent(`${zone}.`.replaceAll('/', '=2F'))}`;
}

async function write(
  api: JsonApi,
  zone: string,
  name: string,
  { ttl, records }: RecordSet,
  options: DnsOptions,
) {
  const change =
    records.length === 0
      ? { changetype: 'DELETE' }
      : {
          changetype: 'REPLACE',
          ttl,
          records: records.map(({ content, disabled }) => ({ content, disabled })),
        };
  await api('PATCH', pathOf(zone), {
    ...options,
    zone,
    body: { rrsets: [{ name, type: 'TXT', ...change }] },
  });
}

/** Notifies the secondaries of a primary zone of a change; without it they wait for a refresh. */
async function notify(api: JsonApi, zone: string, options: DnsOptions): Promise<void> {
  try {
    await api('PUT', `${pathOf(zone)}/notify`, { ...options, zone, once: true });
  } catch (error) {
    options.signal?.throwIfAborted();
    // The record is written. Whether all servers show it is checked afterwards.
    if (!(error instanceof DnsError)) throw error;
  }
}

async function read(
  api: JsonApi,
  zone: string,
  name: string,
  options: DnsOptions,
): Promise<{ readonly kind: string; readonly set: RecordSet }> {
  const query = new URLSearchParams({ rrset_name: name, rrset_type: 'TXT' });
  const { kind = '', rrsets } = await api('GET', `${pathOf(zone)}?${query}`, {
    ...options,
    zone,
    answer: zoneAnswer,
  });
  // Versions before 4.5 send the whole zone.
  const set = rrsets.find(
    (rrset) => rrset.type === 'TXT' && rrset.name.toLowerCase() === name.toLowerCase(),
  );
  return { kind, set: set ?? { ttl: 60, records: [] } };
}
