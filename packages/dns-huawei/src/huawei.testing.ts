import type { Clock } from '@acmex/clock';
import { unquoted } from '@acmex/dns';
import { type StandInAnswer, type StandInRequest, standIn } from '@acmex/dns/stand-in';
import { signatureOf } from './signature.testing.ts';

interface RecordSet {
  readonly id: string;
  readonly zone_id: string;
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly records: readonly string[];
  readonly status: string;
  /** What resolvers get. */
  readonly served: readonly string[];
  /** When it is served unchanged. */
  readonly at: number;
}

export interface HuaweiStandInOptions {
  readonly clock: Clock;
  /** By their ids; those that begin with `private:` are private. */
  readonly zones: Readonly<Record<string, string>>;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly securityToken?: string;
  readonly projectId?: string;
  readonly region?: string;
  /** Milliseconds until a change is served. */
  readonly pending?: number;
}

const failure = (status: number, code: string, message: string): StandInAnswer => ({
  status,
  body: { code, message },
});
const gateway = (status: number, code: string, message: string): StandInAnswer => ({
  status,
  body: { error_msg: message, error_code: code, request_id: 'd0a3b7e0a8a1b3f0c4d2' },
});
const noZone = failure(404, 'DNS.0302', 'This zone does not exist.');
const noSet = failure(404, 'DNS.0313', 'This record set does not exist.');
const unsteady = failure(409, 'DNS.0314', 'The record set is not in a steady state.');
const isText = (text: unknown) =>
  typeof text === 'string' && /^"(?:[^"\\]|\\.){1,255}"(?: "(?:[^"\\]|\\.){1,255}")*$/.test(text);

/**
 * The API v2 of Huawei Cloud DNS as its reference describes it: record sets that are written as a
 * whole, and not while the change before is under way.
 */
export function huaweiStandIn({
  clock,
  zones: input,
  region,
  pending = 0,
  ...key
}: HuaweiStandInOptions) {
  const zones = Object.entries(input).map(([id, name]) => ({
    id,
    name: `${name.replace('private:', '')}.`,
    zone_type: name.startsWith('private:') ? 'private' : 'public',
    status: 'ACTIVE',
  }));
  let sets: readonly RecordSet[] = [];
  let last = 0;
  /** The sets as they are by now. */
  const now = () => {
    const done = sets.filter(
      ({ status, at }) => status.startsWith('PENDING') && clock.monotonic() >= at,
    );
    sets = sets.flatMap((set) => {
      if (!done.includes(set)) return [set];
      if (set.status === 'PENDING_DELETE') return [];
      return [{ ...set, status: 'ACTIVE', served: set.records }];
    });
    return sets;
  };
  const put = (zone: string, set: Partial<RecordSet>) => {
    sets = [
      ...sets.filter(({ id }) => id !== set.id),
      {
        id: `r${++last}`,
        zone_id: zone,
        name: '',
        type: 'TXT',
        ttl: 300,
        records: [],
        status: 'ACTIVE',
        at: 0,
        ...set,
        served: set.records ?? [],
      },
    ];
  };
  const visibleSet = (set: RecordSet) => ({ ...set, served: undefined, at: undefined });
  const write = (set: RecordSet): StandInAnswer => {
    sets = [...sets.filter(({ id }) => id !== set.id), { ...set, at: clock.monotonic() + pending }];
    return { status: 202, body: visibleSet(set) };
  };
  const listed = <T extends { readonly name: string }>(
    key: string,
    all: readonly T[],
    { searchParams }: URL,
    known: readonly string[],
  ): StandInAnswer => {
    const [name, mode, limit, offset] = [
      searchParams.get('name') ?? '',
      searchParams.get('search_mode') ?? 'like',
      Number(searchParams.get('limit') ?? 500),
      Number(searchParams.get('offset') ?? 0),
    ];
    if (
      [...searchParams.keys()].some((key) => !known.includes(key)) ||
      !['like', 'equal'].includes(mode)
    )
      return failure(400, 'DNS.0002', 'Invalid request.');
    if (!(limit >= 0 && limit <= 500))
      return failure(400, 'DNS.0006', 'The limit parameter is invalid.');
    const matchingZones = all.filter(
      (recordSet) =>
        name === '' || (mode === 'equal' ? recordSet.name === name : recordSet.name.includes(name)),
    );
    return {
      status: 200,
      body: {
        [key]: matchingZones.slice(offset, offset + limit),
        links: { self: 'https://dns.myhuaweicloud.com/v2' },
        metadata: { total_count: matchingZones.length },
      },
    };
  };
  const wrong = (zone: string, body: unknown): StandInAnswer | undefined => {
    const { name, type, ttl = 300, records } = (body ?? {}) as Partial<RecordSet>;
    const dns = zones.find(({ id }) => id === zone)?.name ?? '';
    if (typeof name !== 'string' || (name !== dns && !name.endsWith(`.${dns}`)))
      return failure(400, 'DNS.0304', 'The record set name is invalid.');
    if (type !== 'TXT') return failure(400, 'DNS.0307', 'The record set type is invalid.');
    if (!(ttl >= 1 && ttl <= 2_147_483_647))
      return failure(400, 'DNS.0303', 'The TTL of the record set is invalid.');
    return Array.isArray(records) &&
      records.length > 0 &&
      records.every(isText) &&
      new Set(records).size === records.length
      ? undefined
      : failure(400, 'DNS.0308', 'The record set value is invalid.');
  };
  const host = standIn({
    baseUrl: `https://dns${region === undefined ? '' : `.${region}`}.myhuaweicloud.com/v2`,
    authorized: (request) => isSigned(request, key, clock),
    words: {
      credentials: gateway(
        401,
        'APIGW.0301',
        'Incorrect IAM authentication information: verify aksk signature fail',
      ),
      'rate-limited': gateway(
        429,
        'APIGW.0308',
        'The throttling threshold has been reached: policy domain over ratelimit,limit:100,time:1 minute',
      ),
      unknown: gateway(
        404,
        'APIGW.0101',
        'The API does not exist or has not been published in the environment',
      ),
      malformed: failure(400, 'DNS.0002', 'Invalid request.'),
      'server-error': failure(500, 'DNS.0000', 'The system is busy. Try again later.'),
    },
    routes: {
      'GET /zones': ({ url }) =>
        listed(
          'zones',
          zones.filter(
            ({ zone_type: type }) => type === (url.searchParams.get('type') ?? 'public'),
          ),
          url,
          ['type', 'name', 'search_mode', 'limit', 'offset', 'marker'],
        ),
      'GET /zones/:zone': ({ params }) => {
        const zone = zones.find(({ id }) => id === params.zone);
        return zone ? { status: 200, body: zone } : noZone;
      },
      'GET /zones/:zone/recordsets': ({ params, url }) =>
        zones.some(({ id }) => id === params.zone)
          ? listed(
              'recordsets',
              now()
                .filter(
                  (set) =>
                    set.zone_id === params.zone &&
                    [null, set.type].includes(url.searchParams.get('type')),
                )
                .map(visibleSet),
              url,
              ['type', 'name', 'search_mode', 'limit', 'offset', 'marker'],
            )
          : noZone,
      'POST /zones/:zone/recordsets': ({ params: { zone = '' }, body }) => {
        const { name, type, ttl = 300, records } = { ...(body as RecordSet) };
        if (!zones.some(({ id }) => id === zone)) return noZone;
        return (
          wrong(zone, body) ??
          (now().some((set) => set.zone_id === zone && set.name === name && set.type === type)
            ? failure(
                400,
                'DNS.0312',
                `Attribute 'name' conflicts with Record Set '${name}' type 'TXT' line 'default_view'.`,
              )
            : write({
                id: `r${++last}`,
                zone_id: zone,
                name,
                type,
                ttl,
                records,
                status: 'PENDING_CREATE',
                served: [],
                at: 0,
              }))
        );
      },
      'PUT /zones/:zone/recordsets/:set': ({ params: { zone = '', set: id }, body }) => {
        const there = now().find((recordSet) => recordSet.zone_id === zone && recordSet.id === id);
        const { ttl, records } = { ...(body as RecordSet) };
        if (!there) return noSet;
        if (there.status.startsWith('PENDING')) return unsteady;
        const status = there.status === 'DISABLE' ? 'DISABLE' : 'PENDING_UPDATE';
        return wrong(zone, body) ?? write({ ...there, ttl, records, status });
      },
      'DELETE /zones/:zone/recordsets/:set': ({ params: { zone, set: id } }) => {
        const there = now().find((recordSet) => recordSet.zone_id === zone && recordSet.id === id);
        if (!there) return noSet;
        if (there.status.startsWith('PENDING')) return unsteady;
        return write({ ...there, status: 'PENDING_DELETE' });
      },
    },
  });
  return {
    ...host,
    put,
    at: (name: string) => now().filter((set) => set.name === `${name}.`),
    lookUp: async (name: string) =>
      now()
        .filter((set) => set.type === 'TXT' && set.name === `${name}.` && set.status !== 'DISABLE')
        .flatMap(({ served }) => served.map(unquoted)),
  };
}

/** Within fifteen minutes, over host, x-sdk-date, and what else of x-… there is. */
function isSigned(
  { method, url, headers, text }: StandInRequest,
  {
    accessKeyId,
    secretAccessKey,
    securityToken,
    projectId,
  }: Omit<HuaweiStandInOptions, 'clock' | 'zones'>,
  clock: Clock,
): boolean {
  const [, id, list = '', input] =
    /^SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      headers.get('authorization') ?? '',
    ) ?? [];
  const names = list.split(';');
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(headers.get('x-sdk-date') ?? '') ?? [];
  const age =
    clock.now().epochMilliseconds -
    Date.UTC(
      Number(year),
      Number(month) - 1,
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    );
  const signed = Object.fromEntries(
    names.map((name) => [name, name === 'host' ? url.host : (headers.get(name) ?? '')]),
  );
  return (
    id === accessKeyId &&
    Math.abs(age) <= 900_000 &&
    names.join() === names.toSorted().join() &&
    ['host', ...[...headers.keys()].filter((name) => name.startsWith('x-'))].every((name) =>
      names.includes(name),
    ) &&
    (headers.get('x-security-token') ?? undefined) === securityToken &&
    (headers.get('x-project-id') ?? undefined) === projectId &&
    input ===
      signatureOf(
        { method, path: url.pathname, query: url.search.slice(1), headers: signed, body: text },
        secretAccessKey,
      )
  );
}
