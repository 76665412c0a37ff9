import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import type { TroubleOptions } from '@acmex/dns/contract';
import { type StandInAnswer, standIn, type StandInRequest } from '@acmex/dns/stand-in';

interface Row {
  readonly id: string;
  readonly type: string;
  readonly certificate: string;
  readonly bundle_method: string;
  /** How often it is asked for until it is active. */
  pending: number;
}

export interface CloudflareStandInOptions {
  readonly token: string;
  /** How often a new certificate is pending. */
  readonly pending?: number;
}

const hex = (number: number) => number.toString(16).padStart(32, '0');
const failure = (status: number, code: number, message: string): StandInAnswer => ({
  status,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});
const success = (result: unknown, more = {}): StandInAnswer => ({
  status: 200,
  body: { success: true, errors: [], messages: [], result, ...more },
});
const noCertificate = failure(404, 1002, 'Invalid certificate ID');

function infoOf({ id, type, certificate, pending }: Row, zoneId: string) {
  const { validTo, subjectAltName = '', issuer } = new X509Certificate(certificate);
  return {
    id,
    zone_id: zoneId,
    type,
    hosts: subjectAltName.split(', ').map((name) => name.replace(/^DNS:/, '')),
    issuer,
    status: pending > 0 ? 'pending' : 'active',
    expires_on: new Date(validTo).toISOString().replace('.000Z', 'Z'),
  };
}

/** Returns what is wrong with a certificate, as Cloudflare says it. */
function refusalOf(body: Record<string, string>, rows: readonly Row[]): StandInAnswer | undefined {
  const { certificate = '', private_key: key = '', bundle_method: method = '' } = body;
  if (!['ubiquitous', 'optimal', 'force'].includes(method))
    return failure(400, 1004, 'Invalid bundle method');
  try {
    const leaf = new X509Certificate(certificate);
    if (!leaf.checkPrivateKey(createPrivateKey(key)))
      return failure(400, 2200, 'The certificate and private key pair you uploaded is invalid');
    const isThere = rows.some(
      (row) => new X509Certificate(row.certificate).fingerprint256 === leaf.fingerprint256,
    );
    return isThere ? failure(400, 1220, 'This certificate has already been submitted.') : undefined;
  } catch {
    return failure(400, 1201, 'The certificate could not be parsed');
  }
}

/**
 * Cloudflare's custom certificates of one zone as their reference describes them, with two to a
 * page. It shows no certificate and no key.
 */
export function cloudflareStandIn({ token, pending = 0 }: CloudflareStandInOptions): Pick<
  StandInTargetSubject,
  'inUse'
> & {
  trouble(kind: TargetTrouble | 'rate-limited' | undefined, options?: TroubleOptions): void;
  readonly zoneId: string;
  readonly fetch: typeof fetch;
  readonly requests: readonly string[];
  readonly rows: readonly Row[];
  /** Adds a certificate of another program. */
  put(certificate: string): void;
} {
  const zoneId = hex(0xa);
  const foreign: string[] = [];
  let rows: Row[] = [];
  let last = 0;
  let trouble: TargetTrouble | 'rate-limited' | undefined;
  const add = (certificate: string, type: string, method: string) => {
    last += 1;
    const row = { id: hex(0xff00 + last), type, certificate, bundle_method: method, pending };
    rows = [...rows, row];
    return row;
  };
  const path = '/zones/:zone/custom_certificates';
  const inZone =
    (route: (request: StandInRequest, row: Row | undefined) => StandInAnswer) =>
    (request: StandInRequest): StandInAnswer => {
      if (request.params['zone'] !== zoneId)
        return failure(
          404,
          7003,
          'Could not route to /zones, perhaps your object identifier is invalid?',
        );
      return route(
        request,
        rows.find(({ id }) => id === request.params['id']),
      );
    };
  const uploaded = (
    { body, text, headers }: StandInRequest,
    accept: (fields: Record<string, string>) => StandInAnswer,
  ): StandInAnswer => {
    const fields = body as Record<string, string>;
    if (trouble === 'refusal')
      return failure(400, 1201, [...headers.values(), fields['private_key'], text].join(' '));
    return refusalOf(fields, rows) ?? accept(fields);
  };
  const host = standIn({
    baseUrl: 'https://api.cloudflare.com/client/v4',
    authorized: ({ headers }) => headers.get('authorization') === `Bearer ${token}`,
    words: {
      credentials: failure(403, 9109, 'Invalid access token'),
      'rate-limited': failure(429, 971, 'Please wait and consider throttling your request speed'),
      unknown: failure(400, 7000, 'No route for that URI'),
      malformed: failure(400, 9207, 'Request body is invalid.'),
      'server-error': failure(500, 1000, 'Internal error'),
    },
    routes: {
      [`GET ${path}`]: inZone(({ url: { searchParams } }) => {
        const page = Number(searchParams.get('page') ?? 1);
        const size = Number(searchParams.get('per_page') ?? 20);
        if (!(size >= 5 && size <= 50)) return failure(400, 1004, 'per_page');
        const items = rows.slice(2 * page - 2, 2 * page).map((row) => infoOf(row, zoneId));
        return success(items, {
          result_info: {
            page,
            per_page: 2,
            count: items.length,
            total_count: rows.length,
            total_pages: Math.ceil(rows.length / 2),
          },
        });
      }),
      [`POST ${path}`]: inZone((request) =>
        uploaded(
          request,
          ({ certificate = '', type = 'legacy_custom', bundle_method: method = '' }) =>
            success(infoOf(add(certificate, type, method), zoneId)),
        ),
      ),
      [`GET ${path}/:id`]: inZone((_, row) => {
        if (!row) return noCertificate;
        const answer = success(infoOf(row, zoneId));
        row.pending -= 1;
        return answer;
      }),
      [`PATCH ${path}/:id`]: inZone((request, row) => {
        if (!row) return noCertificate;
        return uploaded(request, ({ certificate = '', bundle_method: method = '' }) => {
          if (row.type === 'legacy_custom') {
            const changed = { ...row, certificate, bundle_method: method };
            rows = rows.map((each) => (each === row ? changed : each));
            return success(infoOf(changed, zoneId));
          }
          rows = rows.filter((each) => each !== row);
          return success(infoOf(add(certificate, row.type, method), zoneId));
        });
      }),
      [`DELETE ${path}/:id`]: inZone((_, row) => {
        if (!row) return noCertificate;
        rows = rows.filter((each) => each !== row);
        return success({ id: row.id });
      }),
    },
  });
  return {
    zoneId,
    fetch: host.fetch,
    requests: host.requests,
    get rows() {
      return rows;
    },
    put: (certificate) => {
      foreign.push(add(certificate, 'sni_custom', 'force').id);
    },
    async inUse() {
      const row = rows.find(({ id }) => !foreign.includes(id));
      return row && { chain: row.certificate };
    },
    trouble(kind, options) {
      trouble = kind;
      host.trouble(kind === 'refusal' ? undefined : kind, options);
    },
  };
}
