import { type Clock, keyedMutex, systemClock } from '@acmex/clock';
import {
  acceptedTtl,
  type DnsOptions,
  type DnsProvider,
  type JsonApi,
  jsonApi,
  overwriteRecordSet,
  recordName,
  type RecordSet,
  type RecordSetEdit,
  type Refusal,
  type Secret,
  type TxtRecord,
  type ValueText,
  withoutValue,
  withValue,
} from '@acmex/dns';

export interface GodaddyOptions {
  /** Of a production API key. */
  readonly key: Secret;
  readonly secret: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

interface Row {
  readonly data: string;
  readonly ttl: number;
}
interface Found extends RecordSet {
  readonly rows: readonly Row[];
}

const plain: ValueText = { write: (value) => value, read: (text) => text };
const minimum = 600;
const maximum = 604_800;

/**
 * TXT records at GoDaddy, with a time to live of 600 seconds at least. A value is added without
 * touching its neighbours. There is no way to take one away but to write the others again, as they
 * were read a moment before. It has no `zones`: GoDaddy lists what is registered, which is neither
 * all that it hosts nor hosted by it alone.
 * @see https://developer.godaddy.com/doc/endpoint/domains
 */
export function godaddy({ key, secret, ...more }: GodaddyOptions): DnsProvider {
  const { clock = systemClock } = more;
  const api = jsonApi({
    provider: 'godaddy',
    baseUrl: 'https://api.godaddy.com/v1',
    headers: { authorization: ssoKey(key, secret) },
    refusal,
    ...more,
  });
  const mutex = keyedMutex();

  const each = async (
    zone: string,
    records: readonly TxtRecord[],
    edit: (record: TxtRecord, text: ValueText) => RecordSetEdit,
    options: DnsOptions,
  ): Promise<void> => {
    for (const record of records) {
      const path = `${pathOf(zone)}/TXT/${encodeURIComponent(record.name)}`;
      const set = {
        clock,
        ttl: minimum,
        find: () => find(api, path, zone, options),
        replace: (there: Found | undefined, wanted: RecordSet) =>
          write(api, path, zone, record.name, there?.rows ?? [], wanted, options),
        ...options,
      };
      await mutex(
        recordName(zone, record),
        () => overwriteRecordSet(set, edit(record, plain)),
        options,
      );
    }
  };

  return {
    name: 'godaddy',
    append: (zone, records, options = {}) => each(zone, records, withValue, options),
    remove: (zone, records, options = {}) => each(zone, records, withoutValue, options),
  };
}

function pathOf(zone: string): string {
  return `/domains/${encodeURIComponent(zone)}/records`;
}

/** The value of the `Authorization` header; empty where a part of it is. */
function ssoKey(key: Secret, secret: Secret): Secret {
  return async () => {
    const [user, password] = await Promise.all(
      [key, secret].map(async (credential) =>
        (typeof credential === 'string' ? credential : await credential()).trim(),
      ),
    );
    return user && password ? `sso-key ${user}:${password}` : '';
  };
}

/** Names the fields that are wrong, and who is let in. */
function refusal(json: unknown): Refusal | undefined {
  const { code, message, fields, retryAfterSec } = {
    ...(json as
      | {
          readonly code?: unknown;
          readonly message?: unknown;
          readonly fields?: unknown;
          readonly retryAfterSec?: unknown;
        }
      | undefined),
  };
  if (typeof message !== 'string') return undefined;
  const retryAfterSeconds = Number(retryAfterSec ?? NaN);
  if (Number.isFinite(retryAfterSeconds)) return { message, retryAfterSeconds };
  if (code === 'ACCESS_DENIED')
    return {
      message: `${message}; GoDaddy opens its DNS API to accounts with 10 domains or more, or a Discount Domain Club plan, see developer.godaddy.com/getstarted`,
    };
  const wrong = (Array.isArray(fields) ? fields : [])
    .map((field: object | null) => ({ path: '', message: '', ...field }))
    .map(({ path, message: why }) => `${String(path)}: ${String(why)}`);
  return wrong.length > 0 ? { message: `${message} (${wrong.join('; ')})` } : undefined;
}

async function write(
  api: JsonApi,
  path: string,
  zone: string,
  name: string,
  rows: readonly Row[],
  { values, ttl }: RecordSet,
  options: DnsOptions,
): Promise<unknown> {
  const call = { ...options, zone, once: true } as const;
  const remainingRows = rows.filter(({ data }) => values.includes(data));
  const added = values.filter((data) => !remainingRows.some((row) => row.data === data));
  if (added.length > 0)
    return await api('PATCH', pathOf(zone), {
      ...call,
      repeatable: true,
      body: added.map((data) => ({
        type: 'TXT',
        name,
        data,
        ttl: acceptedTtl(ttl, { minimum, maximum }),
      })),
    });
  // GoDaddy takes no empty list.
  if (remainingRows.length === 0) return await api('DELETE', path, { ...call, accept: [404] });
  return await api('PUT', path, {
    ...call,
    body: remainingRows.map(({ data, ttl: theirs }) => ({ data, ttl: theirs })),
  });
}

async function find(api: JsonApi, path: string, zone: string, options: DnsOptions): Promise<Found> {
  const rows = await api('GET', path, { ...options, zone, answer: [{ data: '', ttl: 0 }] });
  return { rows, values: rows.map(({ data }) => data), ttl: minimum };
}
