import { recordName } from '@acmex/dns';
import { type StandIn, type StandInAnswer, standIn } from '@acmex/dns/stand-in';

interface Row {
  readonly id: number;
  readonly type: string;
  /** Relative to the zone. */
  readonly name: string;
  readonly data: string;
  readonly ttl: number;
}

const failure = (status: number, id: string, message: string): StandInAnswer => ({
  status,
  body: { id, message, request_id: '4d9d8375-3c56-4925-a3e7-eb137fed17e9' },
});

/**
 * DigitalOcean's API v2 as its reference describes it. Filters take whole names, records have
 * relative ones.
 */
export function digitaloceanStandIn({
  zone,
  zones = [zone],
  token,
}: {
  readonly zone: string;
  /** All zones of the account; records are kept in `zone` alone. */
  readonly zones?: readonly string[];
  readonly token: string;
}): StandIn & {
  lookUp(name: string): Promise<readonly string[]>;
  put(row: Omit<Row, 'id'>): void;
  readonly rows: () => readonly Row[];
} {
  let rows: readonly Row[] = [];
  let last = 28_448_429;
  const put = (row: Omit<Row, 'id'>) => {
    rows = [...rows, { id: ++last, ...row }];
  };
  const notFound = failure(404, 'not_found', 'The resource you were accessing could not be found.');
  const page = <T>(key: string, all: readonly T[], { searchParams }: URL): StandInAnswer => {
    const [number, size] = [
      Number(searchParams.get('page') ?? 1),
      Number(searchParams.get('per_page') ?? 20),
    ];
    if (!(size >= 1 && size <= 200))
      return failure(400, 'bad_request', 'per_page must be between 1 and 200');
    return {
      status: 200,
      body: {
        [key]: all.slice((number - 1) * size, number * size),
        links: {},
        meta: { total: all.length },
      },
    };
  };
  const host = standIn({
    baseUrl: 'https://api.digitalocean.com/v2',
    authorized: ({ headers }) => headers.get('authorization') === `Bearer ${token}`,
    words: {
      credentials: failure(401, 'Unauthorized', 'Unable to authenticate you'),
      'rate-limited': failure(429, 'too_many_requests', 'API Rate limit exceeded.'),
      unknown: notFound,
      malformed: failure(400, 'bad_request', 'error parsing request body'),
      'server-error': failure(500, 'server_error', 'Unexpected server-side error'),
    },
    routes: {
      'GET /domains': ({ url }) =>
        page(
          'domains',
          zones.map((name) => ({ name, ttl: 1800, zone_file: '' })),
          url,
        ),
      'GET /domains/:zone': ({ params: { zone: name = '' } }) =>
        zones.includes(name) ? { status: 200, body: { domain: { name } } } : notFound,
      'GET /domains/:zone/records': ({ params, url }) => {
        const [type, name] = [url.searchParams.get('type'), url.searchParams.get('name')];
        return params.zone === zone
          ? page(
              'domain_records',
              rows.filter(
                (row) =>
                  [null, row.type].includes(type) && [null, recordName(zone, row)].includes(name),
              ),
              url,
            )
          : notFound;
      },
      'POST /domains/:zone/records': ({ params, body }) => {
        const { type, name, data, ttl } = body as Row;
        if (params.zone !== zone) return notFound;
        if (
          type !== 'TXT' ||
          typeof name !== 'string' ||
          name.endsWith(zone) ||
          typeof data !== 'string' ||
          data === ''
        )
          return failure(422, 'unprocessable_entity', 'Data needs to be a valid TXT value.');
        if (!(ttl >= 30))
          return failure(422, 'unprocessable_entity', 'Ttl must be greater than or equal to 30.');
        put({ type, name, data, ttl });
        return { status: 201, body: { domain_record: rows.at(-1) } };
      },
      'DELETE /domains/:zone/records/:record': ({ params }) => {
        if (params.zone !== zone || !rows.some(({ id }) => String(id) === params.record))
          return notFound;
        rows = rows.filter(({ id }) => String(id) !== params.record);
        return { status: 204 };
      },
    },
  });
  return {
    ...host,
    put,
    rows: () => rows,
    lookUp: async (name) =>
      rows
        .filter((row) => row.type === 'TXT' && recordName(zone, row) === name)
        .map(({ data }) => data),
  };
}
