import type { Clock } from '@acmex/clock';
import { recordName } from '@acmex/dns';
import { type StandInAnswer, type StandInRequest, standIn } from '@acmex/dns/stand-in';
import { signatureOf } from './signature.testing.ts';

interface Row {
  readonly RecordId: number;
  readonly Name: string;
  readonly Type: string;
  readonly Value: string;
  readonly Line: string;
  readonly LineId: string;
  readonly Status: 'ENABLE' | 'DISABLE';
  readonly TTL: number;
}

export interface TencentStandInOptions {
  readonly clock: Clock;
  readonly zones: readonly string[];
  readonly secretId: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

type Parameters = Readonly<Record<string, unknown>>;

const answer = (body: object): StandInAnswer => ({
  status: 200,
  body: { Response: { ...body, RequestId: 'ab4f1426-ea15-42ea-8183-dc1b44151166' } },
});
const failure = (Code: string, Message: string) => answer({ Error: { Code, Message } });
const known: Readonly<Record<string, readonly string[]>> = {
  DescribeDomainList: ['Type', 'Offset', 'Limit', 'GroupId', 'Keyword'],
  DescribeRecordList: [
    'Domain',
    'DomainId',
    'Subdomain',
    'RecordType',
    'RecordLine',
    'RecordLineId',
    'GroupId',
    'Keyword',
    'SortField',
    'SortType',
    'Offset',
    'Limit',
    'ErrorOnEmpty',
  ],
  CreateRecord: [
    'Domain',
    'DomainId',
    'SubDomain',
    'RecordType',
    'RecordLine',
    'RecordLineId',
    'Value',
    'MX',
    'TTL',
    'Weight',
    'Status',
  ],
  DeleteRecord: ['Domain', 'DomainId', 'RecordId'],
};

/**
 * DNSPod's API of version 2021-03-23 as its reference describes it: one path, actions in a header,
 * errors with status 200.
 */
export function tencentStandIn({ clock, zones, ...key }: TencentStandInOptions) {
  let rows: readonly (Row & { readonly zone: string })[] = [];
  let last = 162;
  const put = (zone: string, row: Partial<Row>) => {
    rows = [
      ...rows,
      {
        zone,
        RecordId: ++last,
        Name: '@',
        Type: 'TXT',
        Value: '',
        Line: 'Default',
        LineId: '0',
        Status: 'ENABLE',
        TTL: 600,
        ...row,
      },
    ];
  };
  const paged = <T>(
    all: readonly T[],
    { Offset = 0, Limit = 100 }: Parameters,
    none: StandInAnswer,
    body: (page: readonly T[]) => object,
  ): StandInAnswer => {
    if (!(Number(Limit) >= 1 && Number(Limit) <= 3000))
      return failure('InvalidParameterValue.LimitInvalid', 'Invalid page length.');
    const page = all.slice(Number(Offset), Number(Offset) + Number(Limit));
    return page.length === 0 ? none : answer(body(page));
  };
  const actions: Readonly<Record<string, (body: Parameters, zone: string) => StandInAnswer>> = {
    DescribeDomainList: (body) =>
      paged(
        zones,
        body,
        failure('ResourceNotFound.NoDataOfDomain', 'The domain list is empty.'),
        (page) => ({
          DomainCountInfo: {
            DomainTotal: zones.length,
            AllTotal: zones.length,
            MineTotal: zones.length,
          },
          DomainList: page.map((name, at) => ({
            DomainId: at + 1,
            Name: name,
            Punycode: name,
            Status: 'ENABLE',
            TTL: 600,
          })),
        }),
      ),
    DescribeRecordList(body, zone) {
      const all = rows.filter(
        (row) =>
          row.zone === zone &&
          [undefined, row.Name].includes(body['Subdomain'] as string) &&
          [undefined, row.Type].includes(body['RecordType'] as string),
      );
      return paged(
        all,
        body,
        failure('ResourceNotFound.NoDataOfRecord', 'The record list is empty.'),
        (page) => ({
          RecordCountInfo: {
            SubdomainCount: page.length,
            ListCount: page.length,
            TotalCount: all.length,
          },
          RecordList: page.map((row) => ({ ...row, zone: undefined })),
        }),
      );
    },
    CreateRecord(body, zone) {
      const {
        SubDomain: Name = '@',
        RecordType: Type,
        RecordLine,
        RecordLineId: LineId,
        Value,
        TTL = 600,
      } = body as Readonly<Record<string, string>> & { readonly TTL?: number };
      if (Type === undefined || RecordLine === undefined || Value === undefined)
        return failure('MissingParameter', 'A parameter is missing.');
      if (Type !== 'TXT')
        return failure('InvalidParameter.RecordTypeInvalid', 'Incorrect record type.');
      if (LineId !== undefined ? LineId !== '0' : RecordLine !== '默认')
        return failure('InvalidParameter.RecordLineInvalid', 'Incorrect record split zone.');
      if (Value === '')
        return failure('InvalidParameter.RecordValueInvalid', 'Incorrect record value.');
      if (!(TTL >= 600 && TTL <= 604_800))
        return failure('LimitExceeded.RecordTtlLimit', 'The TTL of the record exceeds the limit.');
      if (
        rows.some(
          (row) =>
            row.zone === zone &&
            row.Name === Name &&
            row.Type === Type &&
            row.LineId === '0' &&
            row.Value === Value,
        )
      )
        return failure('InvalidParameter.DomainRecordExist', 'The record already exists.');
      put(zone, { Name, Type, Value, TTL });
      return answer({ RecordId: last });
    },
    DeleteRecord({ RecordId }, zone) {
      if (!rows.some((row) => row.zone === zone && row.RecordId === RecordId))
        return failure('InvalidParameter.RecordIdInvalid', 'Incorrect record ID.');
      rows = rows.filter((row) => row.RecordId !== RecordId);
      return answer({});
    },
  };

  const host = standIn({
    baseUrl: 'https://dnspod.tencentcloudapi.com',
    authorized: (request) => isSigned(request, key, clock),
    words: {
      credentials: failure(
        'AuthFailure.SignatureFailure',
        'The provided credentials could not be validated. Please check your signature is correct.',
      ),
      'rate-limited': failure(
        'RequestLimitExceeded',
        'Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second. Please reduce the frequency of calls.',
      ),
      unknown: { status: 404, text: '404 page not found' },
      malformed: failure('InvalidRequest', 'The request body is not JSON.'),
      'server-error': failure(
        'InternalError',
        'An internal error has occurred. Retry your request.',
      ),
    },
    routes: {
      'POST /': ({ headers, body: input }) => {
        const [name, body] = [headers.get('x-tc-action') ?? '', (input ?? {}) as Parameters];
        const action = actions[name];
        if (headers.get('x-tc-version') !== '2021-03-23')
          return failure('NoSuchVersion', 'The version does not exist.');
        if (!action) return failure('InvalidAction', 'The action does not exist.');
        const unknown = Object.keys(body).find((key) => !known[name]?.includes(key));
        if (unknown !== undefined)
          return failure('UnknownParameter', `The parameter \`${unknown}\` is not recognized.`);
        if (name !== 'DescribeDomainList' && body['Domain'] === undefined)
          return failure(
            'MissingParameter',
            'The request is missing a required parameter `Domain`.',
          );
        const zone = String(body['Domain']);
        return name === 'DescribeDomainList' || zones.includes(zone)
          ? action(body, zone)
          : failure('InvalidParameterValue.DomainNotExists', 'The domain is incorrect.');
      },
    },
  });
  return {
    ...host,
    put,
    rows: (zone: string) => rows.filter((row) => row.zone === zone),
    lookUp: async (name: string) =>
      rows
        .filter(
          (row) =>
            row.Type === 'TXT' &&
            row.Status === 'ENABLE' &&
            recordName(row.zone, { name: row.Name }) === name,
        )
        .map(({ Value }) => Value),
  };
}

/** Within five minutes, over content-type and host at least. */
function isSigned(
  { method, url, headers, text }: StandInRequest,
  { secretId, secretKey, sessionToken }: Omit<TencentStandInOptions, 'clock' | 'zones'>,
  clock: Clock,
): boolean {
  const [, id, date = '', list = '', input] =
    /^TC3-HMAC-SHA256 Credential=([^/]+)\/(\d{4}-\d\d-\d\d)\/dnspod\/tc3_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      headers.get('authorization') ?? '',
    ) ?? [];
  const names = list.split(';');
  const timestamp = headers.get('x-tc-timestamp') ?? '';
  const signed = Object.fromEntries(
    names.map((name) => [name, name === 'host' ? url.host : (headers.get(name) ?? '')]),
  );
  return (
    id === secretId &&
    names.includes('host') &&
    names.includes('content-type') &&
    names.join() === names.toSorted().join() &&
    /^\d+$/.test(timestamp) &&
    Math.abs(clock.now().epochMilliseconds / 1000 - Number(timestamp)) <= 300 &&
    (headers.get('x-tc-token') ?? undefined) === sessionToken &&
    input ===
      signatureOf(
        {
          method,
          path: url.pathname,
          query: url.search.slice(1),
          headers: signed,
          body: text,
          timestamp,
          date,
          service: 'dnspod',
        },
        secretKey,
      )
  );
}
