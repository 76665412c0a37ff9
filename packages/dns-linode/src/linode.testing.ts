import { recordName } from '@acmex/dns';
import {
  type StandIn,
  type StandInAnswer,
  type StandInRequest,
  standIn,
} from '@acmex/dns/stand-in';

interface Row {
  readonly id: number;
  readonly type: string;
  /** Relative to the domain; empty for the domain itself. */
  readonly name: string;
  readonly target: string;
  readonly ttl_sec: number;
}

export interface LinodeStandIn extends StandIn {
  lookUp(name: string): Promise<readonly string[]>;
  put(row: Omit<Row, 'id'>): void;
  readonly rows: () => readonly Row[];
}

const failure = (status: number, reason: string, field?: string): StandInAnswer => ({
  status,
  body: { errors: [{ reason, ...(field === undefined ? {} : { field }) }] },
});
const times = [
  0, 30, 120, 300, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 172_800, 345_600, 604_800, 1_209_600,
  2_419_200,
];
const filterable: Readonly<Record<string, readonly string[]>> = {
  domains: ['domain', 'type', 'status'],
  records: ['name', 'type', 'target', 'tag'],
};

/**
 * Linode's API v4 as its reference describes it, with a domain that is written here, one that is
 * copied from elsewhere, and as many more as are asked for.
 */
export function linodeStandIn({
  zone,
  token,
  more = [],
}: {
  readonly zone: string;
  readonly token: string;
  readonly more?: readonly string[];
}): LinodeStandIn {
  const domains = [
    { id: 1233, domain: 'copied.test', type: 'slave', status: 'active' },
    ...[...more, zone].map((domain, at) => ({
      id: 1234 + at,
      domain,
      type: 'master',
      status: 'active',
    })),
  ];
  let rows: readonly Row[] = [];
  let last = 123_456;
  const put = (row: Omit<Row, 'id'>) => {
    rows = [...rows, { id: ++last, ...row }];
  };
  const notFound = failure(404, 'Not found');
  const isOurs = (id: string | undefined) =>
    domains.some((domain) => domain.domain === zone && String(domain.id) === id);
  const page = <T extends object>(
    kind: string,
    all: readonly T[],
    { url: { searchParams }, headers }: StandInRequest,
  ): StandInAnswer => {
    const [number, size] = [
      Number(searchParams.get('page') ?? 1),
      Number(searchParams.get('page_size') ?? 100),
    ];
    if (!(size >= 25 && size <= 500)) return failure(400, 'Must be 25-500', 'page_size');
    const filter = Object.entries(
      JSON.parse(headers.get('x-filter') ?? '{}') as Record<string, unknown>,
    );
    const unknown = filter.find(([key]) => !filterable[kind]?.includes(key));
    if (unknown) return failure(400, `Cannot filter on ${unknown[0]}`);
    const matchingDomains = all.filter((domain) =>
      filter.every(([key, value]) => (domain as Record<string, unknown>)[key] === value),
    );
    const pages = Math.max(1, Math.ceil(matchingDomains.length / size));
    return number > pages
      ? notFound
      : {
          status: 200,
          body: {
            data: matchingDomains.slice((number - 1) * size, number * size),
            page: number,
            pages,
            results: matchingDomains.length,
          },
        };
  };
  const host = standIn({
    baseUrl: 'https://api.linode.com/v4',
    authorized: ({ headers }) => headers.get('authorization') === `Bearer ${token}`,
    words: {
      credentials: failure(401, 'Invalid Token'),
      'rate-limited': failure(429, 'Too many requests'),
      unknown: notFound,
      malformed: failure(400, 'Bad Request'),
      'server-error': failure(500, 'Internal Server Error'),
    },
    routes: {
      'GET /domains': (request) => page('domains', domains, request),
      'GET /domains/:domain/records': (request) =>
        isOurs(request.params.domain) ? page('records', rows, request) : notFound,
      'POST /domains/:domain/records': ({ params, body }) => {
        const { type, name, target, ttl_sec: ttl } = body as Row;
        if (!isOurs(params.domain)) return notFound;
        if (type !== 'TXT') return failure(400, 'type is required', 'type');
        if (typeof name !== 'string' || name.length > 100 || name === '@' || name.endsWith(zone))
          return failure(400, 'Hostname invalid', 'name');
        if (typeof target !== 'string' || target === '')
          return failure(400, 'Target is required', 'target');
        if (!Number.isInteger(ttl) || ttl < 0)
          return failure(400, 'Must be a positive integer', 'ttl_sec');
        put({ type, name, target, ttl_sec: times.find((time) => time >= ttl) ?? 2_419_200 });
        return { status: 200, body: rows.at(-1) };
      },
      'DELETE /domains/:domain/records/:record': ({ params }) => {
        if (!isOurs(params.domain) || !rows.some(({ id }) => String(id) === params.record))
          return notFound;
        rows = rows.filter(({ id }) => String(id) !== params.record);
        return { status: 200, body: {} };
      },
    },
  });
  return {
    ...host,
    put,
    rows: () => rows,
    lookUp: async (name) =>
      rows
        .filter(
          (row) =>
            row.type === 'TXT' &&
            recordName(zone, { name: row.name === '' ? '@' : row.name }) === name,
        )
        .map(({ target }) => target),
  };
}
