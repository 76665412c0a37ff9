import { recordName } from '@acmex/dns';
import {
  type StandIn,
  type StandInAnswer,
  type StandInRequest,
  standIn,
} from '@acmex/dns/stand-in';

interface Row {
  readonly type: string;
  /** Relative to the zone; empty for the zone itself. */
  readonly host: string;
  readonly record: string;
  /** Seconds, in digits. */
  readonly ttl: string;
}

export interface CloudnsStandInOptions {
  readonly zone: string;
  /** What the form has for the user, as `auth-id`. */
  readonly user: Readonly<Record<string, string>>;
  readonly password: string;
  /** Types of zones by their names, besides the one. */
  readonly more?: Readonly<Record<string, string>>;
}

export interface CloudnsStandIn extends StandIn {
  lookUp(name: string): Promise<readonly string[]>;
  put(row: Row): void;
  readonly rows: () => readonly Row[];
}

const said = (
  status: 'Success' | 'Failed',
  statusDescription: string,
  more: object = {},
): StandInAnswer => ({ status: 200, body: { status, statusDescription, ...more } });
const failed = (description: string) => said('Failed', description);
const page = '<html><head><title>502 Bad Gateway</title></head></html>';

/** ClouDNS's HTTP API as its wiki describes it: forms by POST, and all answers with status 200. */
export function cloudnsStandIn({
  zone,
  user,
  password,
  more = {},
}: CloudnsStandInOptions): CloudnsStandIn {
  const zones = Object.entries({ ...more, [zone]: 'master' }).map(([name, type]) => ({
    name,
    type,
    zone: 'domain',
    status: '1',
  }));
  let rows = new Map<string, Row>();
  let last = 5_769_227;
  const put = (row: Row) => {
    rows.set(String(++last), row);
  };
  const fields = ({ body }: StandInRequest) => (body ?? {}) as Readonly<Record<string, string>>;
  const isSize = (size: string | undefined) => ['10', '20', '30', '50', '100'].includes(size ?? '');
  const inZone =
    (answer: (form: Readonly<Record<string, string>>) => StandInAnswer) =>
    (request: StandInRequest) =>
      fields(request)['domain-name'] === zone
        ? answer(fields(request))
        : failed('Missing domain-name');
  const host = standIn({
    baseUrl: 'https://api.cloudns.net/dns',
    authorized: ({ text, url, headers }) => {
      const form = new URLSearchParams(text);
      const input = ['auth-id', 'sub-auth-id', 'sub-auth-user'].filter((name) => form.has(name));
      return (
        url.search === '' &&
        (headers.get('content-type') ?? '').startsWith('application/x-www-form-urlencoded') &&
        input.length === 1 &&
        input.every((name) => form.get(name) === user[name]) &&
        form.get('auth-password') === password
      );
    },
    words: {
      credentials: failed('Invalid authentication, incorrect auth-id or auth-password.'),
      'rate-limited': failed(
        'Request blocked, 192.0.2.1 is sending more than 20 requests per second.',
      ),
      unknown: { status: 404, text: page },
      malformed: failed('Missing parameters'),
      'server-error': { status: 502, text: page },
    },
    routes: {
      'POST /get-pages-count.json': (request) =>
        isSize(fields(request)['rows-per-page'])
          ? {
              status: 200,
              body: Math.ceil(zones.length / Number(fields(request)['rows-per-page'])),
            }
          : failed("Wrong or missing required parameter 'rows-per-page'."),
      'POST /list-zones.json': (request) => {
        const { page: number = '', 'rows-per-page': size = '' } = fields(request);
        if (!/^\d+$/.test(number)) return failed("Missing required parameter 'page'.");
        return isSize(size)
          ? {
              status: 200,
              body: zones.slice((Number(number) - 1) * Number(size), Number(number) * Number(size)),
            }
          : failed("Wrong or missing required parameter 'rows-per-page'.");
      },
      'POST /get-zone-info.json': (request) => {
        const zone = zones.find(({ name }) => name === fields(request)['domain-name']);
        return zone ? { status: 200, body: zone } : failed('Missing domain-name');
      },
      'POST /records.json': inZone(({ host: wanted = '', type }) => {
        const matchingRows = [...rows].filter(
          ([, row]) =>
            (wanted === '' || row.host === wanted) && (type === undefined || row.type === type),
        );
        return {
          status: 200,
          body:
            matchingRows.length === 0
              ? []
              : Object.fromEntries(
                  matchingRows.map(([id, row]) => [id, { id, ...row, failover: '0', status: 1 }]),
                ),
        };
      }),
      'POST /add-record.json': inZone(
        ({ 'record-type': type = '', host: name, record = '', ttl = '' }) => {
          if (type !== 'TXT') return failed('Invalid record type.');
          if (name === undefined || name === '@' || name.endsWith(zone))
            return failed('Invalid host.');
          if (record === '') return failed('Missing record.');
          if (
            ![
              60, 300, 900, 1800, 3600, 21_600, 43_200, 86_400, 172_800, 259_200, 604_800,
              1_209_600, 2_592_000,
            ]
              .map(String)
              .includes(ttl)
          )
            return failed('Invalid TTL. Choose from the list of the values we support.');
          put({ type, host: name, record, ttl });
          return said('Success', 'The record was added successfully.', { data: { id: last } });
        },
      ),
      'POST /delete-record.json': inZone(({ 'record-id': id = '' }) => {
        if (!rows.has(id)) return failed('Invalid record-id param.');
        rows = new Map([...rows].filter(([rowId]) => rowId !== id));
        return said('Success', 'The record was deleted successfully.');
      }),
    },
  });
  return {
    ...host,
    put,
    rows: () => [...rows.values()],
    lookUp: async (name) =>
      [...rows.values()]
        .filter(
          (row) =>
            row.type === 'TXT' &&
            recordName(zone, { name: row.host === '' ? '@' : row.host }) === name,
        )
        .map(({ record }) => record),
  };
}
