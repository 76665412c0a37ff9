import { createHash } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import { recordName } from '@acmex/dns';
import { type StandInAnswer, type StandInRequest, standIn } from '@acmex/dns/stand-in';
import { expectedSignature } from './acs3.testing.ts';

export interface AlibabaStandInOptions {
  readonly clock: Clock;
  readonly zones: readonly string[];
  readonly key: { readonly id: string; readonly secret: string; readonly token?: string };
  /** `alidns.aliyuncs.com` by default. */
  readonly host?: string;
}

interface Row {
  readonly RecordId: string;
  readonly DomainName: string;
  readonly RR: string;
  readonly Type: string;
  readonly Value: string;
  readonly TTL: number;
}

const requestId = '536E9CAD-DB30-4647-AC87-AA5CC38C5382';
const failure = (status: number, Code: string, Message: string): StandInAnswer => ({
  status,
  body: {
    RequestId: requestId,
    HostId: 'alidns.aliyuncs.com',
    Code,
    Message,
    Recommend: `https://api.alibabacloud.com/troubleshoot?q=${Code}`,
  },
});
const success = (body: object): StandInAnswer => ({
  status: 200,
  body: { RequestId: requestId, ...body },
});
const missing = (name: string) =>
  failure(400, `Missing${name}`, `${name} is mandatory for this action.`);
const unknownKey = failure(
  404,
  'InvalidAccessKeyId.NotFound',
  'Specified access key is not found.',
);

/**
 * The API of Alibaba Cloud DNS (2015-01-09) as its reference describes it, with signature method
 * V3.
 */
export function alibabaStandIn({
  clock,
  zones,
  key,
  host = 'alidns.aliyuncs.com',
}: AlibabaStandInOptions) {
  let rows: readonly Row[] = [];
  let last = 9_999_984;
  const nonces = new Set<string>();
  const put = (row: Omit<Row, 'RecordId'>) => {
    rows = [{ RecordId: String(++last), ...row }, ...rows];
  };

  const refused = (request: StandInRequest): StandInAnswer | undefined => {
    const { headers, text } = request;
    const [, id, signed = '', signature] =
      /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})$/.exec(
        headers.get('authorization') ?? '',
      ) ?? [];
    if (id === undefined)
      return failure(400, 'MissingAuthorization', 'Authorization is mandatory for this action.');
    const names = signed.split(';');
    const wanted = [
      'host',
      ...[...headers.keys()].filter((name) => name.startsWith('x-acs-') || name === 'content-type'),
    ].sort();
    if (names.join() !== wanted.join())
      return failure(
        400,
        'IncompleteSignature',
        'The request signature does not conform to Alibaba Cloud standards.',
      );
    const nonce = headers.get('x-acs-signature-nonce') ?? '';
    if (nonce === '') return missing('SignatureNonce');
    if (headers.get('x-acs-content-sha256') !== createHash('sha256').update(text).digest('hex'))
      return failure(
        400,
        'InvalidContentSha256',
        'The body is not what x-acs-content-sha256 says.',
      );
    const date = headers.get('x-acs-date') ?? '';
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(date))
      return failure(
        400,
        'InvalidTimeStamp.Format',
        'Specified time stamp or date value is not well formatted.',
      );
    if (Math.abs(Date.parse(date) - clock.now().epochMilliseconds) > 900_000)
      return failure(
        400,
        'InvalidTimeStamp.Expired',
        'Specified time stamp or date value is expired.',
      );
    if (id !== key.id) return unknownKey;
    if ((headers.get('x-acs-security-token') ?? undefined) !== key.token)
      return failure(
        403,
        'InvalidSecurityToken.MismatchWithAccessKey',
        'Specified SecurityToken is not valid.',
      );
    // It quotes what it reckoned with, credentials of STS among it.
    if (signature !== expectedSignature(request, { names, secret: key.secret }))
      return failure(
        400,
        'SignatureDoesNotMatch',
        `Specified signature is not matched with our calculation. server canonicalRequest is:${request.method} x-acs-security-token:${headers.get('x-acs-security-token') ?? ''}`,
      );
    if (nonces.has(nonce))
      return failure(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
    nonces.add(nonce);
    return undefined;
  };
  const page = <T>(
    all: readonly T[],
    { searchParams }: URL,
    largest: number,
    body: (items: readonly T[]) => object,
  ): StandInAnswer => {
    const [number, size] = [
      Number(searchParams.get('PageNumber') ?? 1),
      Number(searchParams.get('PageSize') ?? 20),
    ];
    if (!(number >= 1) || !(size >= 1 && size <= largest))
      return failure(
        400,
        'InvalidParameter.PageSize',
        `PageSize must be between 1 and ${largest}.`,
      );
    return success({
      TotalCount: all.length,
      PageNumber: number,
      PageSize: size,
      ...body(all.slice((number - 1) * size, number * size)),
    });
  };
  const actions: Readonly<Record<string, (url: URL) => StandInAnswer>> = {
    DescribeDomains: (url) =>
      page(zones, url, 100, (names) => ({
        Domains: {
          Domain: names.map((DomainName) => ({
            DomainId: `id-${DomainName}`,
            DomainName,
            ...(DomainName === 'bücher.test' ? { PunyCode: 'xn--bcher-kva.test' } : {}),
          })),
        },
      })),
    DescribeDomainInfo: (url) => {
      const DomainName = url.searchParams.get('DomainName') ?? '';
      return zones.includes(DomainName)
        ? success({ DomainId: `id-${DomainName}`, DomainName })
        : failure(400, 'InvalidDomainName.NoExist', 'The specified domain name does not exist.');
    },
    DescribeDomainRecords: (url) => {
      const [zone, RR, type] = ['DomainName', 'RRKeyWord', 'TypeKeyWord'].map((name) =>
        url.searchParams.get(name),
      );
      if (!zone) return missing('DomainName');
      if (!zones.includes(zone))
        return failure(
          400,
          'InvalidDomainName.NoExist',
          'The specified domain name does not exist. Refresh the page and try again.',
        );
      const matchingRows = rows.filter(
        (row) =>
          row.DomainName === zone &&
          (RR == null || row.RR.toLowerCase().includes(RR.toLowerCase())) &&
          (type == null || row.Type === type.toUpperCase()),
      );
      return page(matchingRows, url, 500, (Record) => ({
        DomainRecords: {
          Record: Record.map((row) => ({
            ...row,
            Status: 'ENABLE',
            Line: 'default',
            Locked: false,
          })),
        },
      }));
    },
    AddDomainRecord: ({ searchParams }) => {
      const input = Object.fromEntries(searchParams);
      const absent = ['DomainName', 'RR', 'Type', 'Value'].find((name) => !input[name]);
      if (absent !== undefined) return missing(absent);
      const { DomainName = '', RR = '', Type = '', Value = '', TTL = '600' } = input;
      if (!zones.includes(DomainName))
        return failure(400, 'IncorrectDomainUser', 'The domain name belongs to other users.');
      if (!(Number(TTL) >= 600 && Number(TTL) <= 86_400))
        return failure(
          400,
          'QuotaExceeded.TTL',
          'The specified TTL is invalid. A valid TTL must be in the range of 600 to 86400.',
        );
      if (RR.endsWith(DomainName))
        return failure(400, 'InvalidRR.Format', 'The format of the host record is invalid.');
      if (
        rows.some(
          (row) =>
            row.DomainName === DomainName &&
            row.RR === RR &&
            row.Type === Type &&
            row.Value === Value,
        )
      )
        return failure(400, 'DomainRecordDuplicate', 'The DNS record already exists.');
      put({ DomainName, RR, Type, Value, TTL: Number(TTL) });
      return success({ RecordId: String(last) });
    },
    DeleteDomainRecord: ({ searchParams }) => {
      const id = searchParams.get('RecordId');
      if (!id) return missing('RecordId');
      if (!rows.some(({ RecordId }) => RecordId === id))
        return failure(
          400,
          'DomainRecordNotBelongToUser',
          'The DNS record does not exist in your account.',
        );
      rows = rows.filter(({ RecordId }) => RecordId !== id);
      return success({ RecordId: id });
    },
  };
  const answer = (request: StandInRequest): StandInAnswer => {
    const no = refused(request);
    if (no) return no;
    const action = actions[request.headers.get('x-acs-action') ?? ''];
    if (!action || request.headers.get('x-acs-version') !== '2015-01-09')
      return failure(
        404,
        'InvalidAction.NotFound',
        'Specified api is not found, please check your url and method.',
      );
    done.push(
      `${request.headers.get('x-acs-action')} ${request.url.searchParams.get('PageNumber') ?? ''}`.trim(),
    );
    return action(request.url);
  };
  const done: string[] = [];
  const api = standIn({
    baseUrl: `https://${host}`,
    authorized: () => true,
    words: {
      credentials: unknownKey,
      'rate-limited': failure(
        400,
        'Throttling.User',
        'Request was denied due to user flow control.',
      ),
      unknown: failure(
        404,
        'InvalidAction.NotFound',
        'Specified api is not found, please check your url and method.',
      ),
      malformed: failure(400, 'UnsupportedBody', 'The request body is not supported.'),
      'server-error': failure(
        503,
        'ServiceUnavailable',
        'The request has failed due to a temporary failure of the server.',
      ),
    },
    routes: { 'GET /': answer, 'POST /': answer },
  });
  return {
    ...api,
    put,
    rows: () => rows,
    /** The actions that were done, with the number of the page. */
    done,
    lookUp: async (name: string) =>
      rows
        .filter(
          (row) => row.Type === 'TXT' && recordName(row.DomainName, { name: row.RR }) === name,
        )
        .map(({ Value }) => Value),
  };
}
