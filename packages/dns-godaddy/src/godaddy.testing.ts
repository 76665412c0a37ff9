import { recordName } from '@acmex/dns';
import { type StandIn, type StandInAnswer, standIn } from '@acmex/dns/stand-in';

interface Row {
  readonly type: string;
  /** Relative to the domain; `@` for the domain itself. */
  readonly name: string;
  readonly data: string;
  readonly ttl: number;
}

export interface GodaddyStandIn extends StandIn {
  lookUp(name: string): Promise<readonly string[]>;
  put(row: Row): void;
  readonly rows: () => readonly Row[];
}

const failure = (
  status: number,
  code: string,
  message: string,
  fields?: readonly object[],
): StandInAnswer => ({ status, body: { code, message, ...(fields ? { fields } : {}) } });
const wrong = (path: string, message: string) =>
  failure(422, 'INVALID_BODY', "Request body doesn't fulfill schema, see details in `fields`", [
    { code: 'UNEXPECTED_VALUE', message, path },
  ]);

/**
 * GoDaddy's Domains API v1 as its reference describes it; `small` for an account that is not let
 * in.
 */
export function godaddyStandIn({
  zone,
  key,
  secret,
  small = false,
}: {
  readonly zone: string;
  readonly key: string;
  readonly secret: string;
  readonly small?: boolean;
}): GodaddyStandIn {
  let rows: readonly Row[] = [];
  const put = (row: Row) => {
    rows = [...rows, row];
  };
  const refused = (domain: string | undefined) => {
    if (small) return failure(403, 'ACCESS_DENIED', 'Authenticated user is not allowed access');
    return domain === zone
      ? undefined
      : failure(
          404,
          'UNKNOWN_DOMAIN',
          'The given domain is not registered, or does not have a zone file',
        );
  };
  const fault = (body: unknown, whole: boolean): StandInAnswer | undefined => {
    if (!Array.isArray(body) || body.length === 0)
      return wrong('records', 'is not an array of one or more');
    for (const [at, { type, name, data, ttl }] of (body as Row[]).entries()) {
      if (typeof data !== 'string' || data === '')
        return wrong(`records[${at}].data`, 'is required');
      if (!(ttl >= 600 && ttl <= 604_800))
        return wrong(`records[${at}].ttl`, `${ttl} is not between 600 and 604800`);
      if (whole && (type !== 'TXT' || typeof name !== 'string' || name.endsWith(zone)))
        return wrong(`records[${at}].name`, 'is not relative to the domain');
      if (whole && rows.some((row) => row.type === type && row.name === name && row.data === data))
        return failure(
          422,
          'DUPLICATE_RECORD',
          'Another record with the same attributes already exists',
        );
    }
    return undefined;
  };
  const at = (name: string | undefined) => (row: Row) => row.type === 'TXT' && row.name === name;
  const host = standIn({
    baseUrl: 'https://api.godaddy.com/v1',
    authorized: ({ headers }) => headers.get('authorization') === `sso-key ${key}:${secret}`,
    words: {
      credentials: failure(
        401,
        'UNABLE_TO_AUTHENTICATE',
        'Unauthorized : Could not authenticate API key/secret',
      ),
      'rate-limited': failure(
        429,
        'TOO_MANY_REQUESTS',
        'Too many requests received within interval',
      ),
      unknown: failure(404, 'NOT_FOUND', 'Not Found : The requested resource was not found'),
      malformed: failure(400, 'MALFORMED_BODY', 'Request body is not JSON'),
      'server-error': failure(500, 'INTERNAL_SERVER_ERROR', 'Internal Server Error'),
    },
    routes: {
      'GET /domains/:domain/records/TXT/:name': ({ params }) =>
        refused(params.domain) ?? { status: 200, body: rows.filter(at(params.name)) },
      'PATCH /domains/:domain/records': ({ params, body }) => {
        const answer = refused(params.domain) ?? fault(body, true);
        if (answer) return answer;
        (body as Row[]).forEach(put);
        return { status: 200 };
      },
      'PUT /domains/:domain/records/TXT/:name': ({ params, body }) => {
        const answer = refused(params.domain) ?? fault(body, false);
        if (answer) return answer;
        rows = [
          ...rows.filter((row) => !at(params.name)(row)),
          ...(body as Row[]).map(({ data, ttl }) => ({
            type: 'TXT',
            name: params.name ?? '',
            data,
            ttl,
          })),
        ];
        return { status: 200 };
      },
      'DELETE /domains/:domain/records/TXT/:name': ({ params }) => {
        const answer =
          refused(params.domain) ??
          (rows.some(at(params.name))
            ? undefined
            : failure(404, 'NOT_FOUND', 'Not Found : The requested resource was not found'));
        if (answer) return answer;
        rows = rows.filter((row) => !at(params.name)(row));
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
