import { unquoted } from '@acmex/dns';
import { type StandIn, type StandInAnswer, standIn } from '@acmex/dns/stand-in';

interface Row {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly content: string;
}

const hex = (number: number) => number.toString(16).padStart(32, '0');
const failure = (status: number, code: number, message: string): StandInAnswer => ({
  status,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});

/**
 * Cloudflare's API v4 as its reference describes it, with some zones and two items to a page. It
 * takes a token for everything, a token for zones beside a token for records, or a global key.
 */
export function cloudflareStandIn({
  zone,
  more = ['one.test', 'two.test'],
  token,
  zoneToken = token,
  globalKey,
}: {
  readonly zone: string;
  /** The zones before `zone`. */
  readonly more?: readonly string[];
  readonly token: string;
  readonly zoneToken?: string;
  readonly globalKey?: { readonly email: string; readonly key: string };
}): StandIn & {
  readonly zoneId: string;
  lookUp(name: string): Promise<readonly string[]>;
  put(row: Omit<Row, 'id'>): void;
  readonly rows: () => readonly Row[];
} {
  const zones = [...more, zone].map((name, at) => ({
    id: hex(at + 1),
    name,
    status: 'active',
  }));
  const zoneId = hex(zones.length);
  let rows: readonly Row[] = [];
  let last = 0;
  const put = (row: Omit<Row, 'id'>) => {
    rows = [...rows, { id: hex(0xff00 + ++last), ...row }];
  };
  const page = <T>(all: readonly T[], { searchParams }: URL): StandInAnswer => {
    const [number, size] = [
      Number(searchParams.get('page') ?? 1),
      Number(searchParams.get('per_page') ?? 20),
    ];
    if (!(size >= 5 && size <= 50)) return failure(400, 6003, 'per_page');
    return {
      status: 200,
      body: {
        success: true,
        errors: [],
        messages: [],
        result: all.slice(2 * number - 2, 2 * number),
        result_info: {
          page: number,
          per_page: 2,
          count: 2,
          total_count: all.length,
          total_pages: Math.ceil(all.length / 2),
        },
      },
    };
  };
  const noRoute = (id = '') =>
    failure(
      404,
      7003,
      `Could not route to /client/v4/zones/${id}/dns_records, perhaps your object identifier is invalid?`,
    );
  const host = standIn({
    baseUrl: 'https://api.cloudflare.com/client/v4',
    authorized({ url, headers }) {
      if (globalKey)
        return (
          headers.get('x-auth-email') === globalKey.email &&
          headers.get('x-auth-key') === globalKey.key &&
          !headers.has('authorization')
        );
      const needed = /\/dns_records(\/|$)/.test(url.pathname) ? token : zoneToken;
      return headers.get('authorization') === `Bearer ${needed}`;
    },
    words: {
      credentials: failure(403, 9109, 'Invalid access token'),
      'rate-limited': failure(429, 971, 'Please wait and consider throttling your request speed'),
      unknown: failure(400, 7000, 'No route for that URI'),
      malformed: failure(400, 9207, 'Request body is invalid.'),
      'server-error': failure(500, 1000, 'Internal error'),
    },
    routes: {
      'GET /zones': ({ url }) =>
        page(
          zones.filter(({ name }) => [null, name].includes(url.searchParams.get('name'))),
          url,
        ),
      'GET /zones/:zone': ({ params }) => {
        const result = zones.find(({ id }) => id === params.zone);
        return result
          ? { status: 200, body: { success: true, errors: [], messages: [], result } }
          : failure(
              404,
              7003,
              'Could not route to /zones, perhaps your object identifier is invalid?',
            );
      },
      'GET /zones/:zone/dns_records': ({ params, url }) =>
        params.zone === zoneId
          ? page(
              rows.filter(
                ({ type, name }) =>
                  [null, type].includes(url.searchParams.get('type')) &&
                  [null, name].includes(url.searchParams.get('name.exact')),
              ),
              url,
            )
          : noRoute(params.zone),
      'POST /zones/:zone/dns_records': ({ params, body }) => {
        const { type, name, content, ttl } = body as Row & { readonly ttl: number };
        if (params.zone !== zoneId) return noRoute(params.zone);
        if (type !== 'TXT' || !name.endsWith(zone) || content === '')
          return failure(400, 9005, 'Content for TXT record is invalid.');
        if (ttl !== 1 && !(ttl >= 60 && ttl <= 86_400))
          return failure(
            400,
            9021,
            'Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.',
          );
        if (
          rows.some(
            (row) =>
              row.type === type && row.name === name && unquoted(row.content) === unquoted(content),
          )
        )
          return failure(400, 81_058, 'An identical record already exists.');
        put({ type, name, content });
        return {
          status: 200,
          body: { success: true, errors: [], messages: [], result: rows.at(-1) },
        };
      },
      'DELETE /zones/:zone/dns_records/:record': ({ params }) => {
        if (params.zone !== zoneId) return noRoute(params.zone);
        if (!rows.some(({ id }) => id === params.record))
          return failure(404, 81_044, 'Record does not exist.');
        rows = rows.filter(({ id }) => id !== params.record);
        return {
          status: 200,
          body: { success: true, errors: [], messages: [], result: { id: params.record } },
        };
      },
    },
  });
  return {
    ...host,
    put,
    zoneId,
    rows: () => rows,
    lookUp: async (name) =>
      rows
        .filter((row) => row.type === 'TXT' && row.name === name)
        .map(({ content }) => unquoted(content)),
  };
}
