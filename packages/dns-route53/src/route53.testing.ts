import { isSigned, standInHandler } from '@acmex/aws/stand-in';
import { type StandInAnswer, standIn } from '@acmex/dns/stand-in';
import {
  changed,
  changesOf,
  escaped,
  place,
  type RecordSet,
  recordSetXml,
  stored,
  text,
} from './zone.testing.ts';

export interface Route53StandInOptions {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** `Z1` is `one.test`, and so on; those that are named with `private:` are private. */
  readonly zones: readonly string[];
  /** How often a change is not yet INSYNC when it is asked for. */
  readonly pending?: number;
}

const namespace = 'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"';
const requestId = '<RequestId>b25f48e8-84fd-11e6-80d9-574e0c4664cb</RequestId>';
const xml = (status: number, body: string): StandInAnswer => ({
  status,
  text: `<?xml version="1.0"?>\n${body}`,
  headers: { 'content-type': 'text/xml' },
});
const answer = (name: string, body: string) => xml(200, `<${name} ${namespace}>${body}</${name}>`);
const failure = (status: number, code: string, message: string) =>
  xml(
    status,
    `<ErrorResponse ${namespace}><Error><Type>Sender</Type><Code>${code}</Code><Message>${escaped(message)}</Message></Error>${requestId}</ErrorResponse>`,
  );

/**
 * Route 53's API 2013-04-01 as its reference describes it: XML, signed requests, change batches
 * that are all or nothing. Pages have two items.
 */
export function route53StandIn({ zones: input, pending = 0, ...keys }: Route53StandInOptions) {
  const zones = input
    .map((name, at) => ({
      id: `Z${at + 1}`,
      name: stored(name.replace('private:', '')),
      hidden: name.startsWith('private:'),
    }))
    .sort((a, b) => (place({ ...a, type: a.id }) < place({ ...b, type: b.id }) ? -1 : 1));
  const sets = new Map<string, readonly RecordSet[]>(
    zones.map(({ id, name }) => [
      id,
      [
        {
          name,
          type: 'SOA',
          ttl: 900,
          values: ['ns-1.awsdns-00.test. admin.test. 1 7200 900 1209600 86400'],
        },
      ],
    ]),
  );
  const changes = new Map<string, number>();
  const zoneXml = ({ id, name, hidden }: (typeof zones)[number]) =>
    `<HostedZone><Id>/hostedzone/${id}</Id><Name>${name}</Name><CallerReference>c</CallerReference><Config><PrivateZone>${hidden}</PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>`;
  const noZone = (id = '') =>
    failure(404, 'NoSuchHostedZone', `No hosted zone found with ID: ${id}`);
  const host = standIn({
    baseUrl: 'https://route53.amazonaws.com/2013-04-01',
    authorized: (request) => isSigned(request, keys, 'us-east-1/route53'),
    words: {
      credentials: failure(
        403,
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
      ),
      'rate-limited': failure(400, 'Throttling', 'Rate exceeded'),
      unknown: xml(404, '<UnknownOperationException/>'),
      malformed: failure(400, 'MalformedInput', 'Unexpected end of input'),
      'server-error': failure(
        500,
        'InternalFailure',
        'We encountered an internal error. Please try again.',
      ),
    },
    routes: {
      'GET /hostedzonesbyname': ({ url: { searchParams } }) => {
        const [name, id, limit] = ['dnsname', 'hostedzoneid', 'maxitems'].map((key) =>
          searchParams.get(key),
        );
        if (id != null && name == null)
          return failure(400, 'InvalidInput', 'A hosted zone ID needs a DNS name.');
        if (Number(limit ?? 100) > 100)
          return failure(400, 'InvalidInput', '1 validation error detected: maxitems');
        const from = zones.filter(
          (zone) =>
            name == null ||
            place({ ...zone, type: id == null ? '' : zone.id }) >=
              place({ name: stored(name), type: id ?? '' }),
        );
        const next = from[2];
        return answer(
          'ListHostedZonesByNameResponse',
          `<HostedZones>${from.slice(0, 2).map(zoneXml).join('')}</HostedZones><IsTruncated>${Boolean(next)}</IsTruncated>${next ? `<NextDNSName>${next.name}</NextDNSName><NextHostedZoneId>${next.id}</NextHostedZoneId>` : ''}<MaxItems>100</MaxItems>`,
        );
      },
      'GET /hostedzone/:zone': ({ params }) => {
        const zone = zones.find(({ id }) => id === params.zone);
        return zone
          ? answer(
              'GetHostedZoneResponse',
              `${zoneXml(zone)}<DelegationSet><NameServers><NameServer>ns-1.awsdns-00.test</NameServer></NameServers></DelegationSet>`,
            )
          : noZone(params.zone);
      },
      'GET /hostedzone/:zone/rrset': ({ params: { zone = '' }, url: { searchParams } }) => {
        const from = place({
          name: stored(searchParams.get('name') ?? ''),
          type: searchParams.get('type') ?? '',
        });
        const all = [...(sets.get(zone) ?? [])]
          .sort((a, b) => (place(a) < place(b) ? -1 : 1))
          .filter((a) => place(a) >= from);
        const limit = Number(searchParams.get('maxitems') ?? 2);
        return sets.has(zone)
          ? answer(
              'ListResourceRecordSetsResponse',
              `<ResourceRecordSets>${all.slice(0, limit).map(recordSetXml).join('')}</ResourceRecordSets><IsTruncated>${all.length > limit}</IsTruncated><MaxItems>${limit}</MaxItems>`,
            )
          : noZone(zone);
      },
      'POST /hostedzone/:zone/rrset': ({ params: { zone: id = '' }, body }) => {
        const zone = zones.find((zone) => zone.id === id);
        if (!zone) return noZone(id);
        const asked = typeof body === 'string' ? changesOf(body) : undefined;
        if (!asked)
          return failure(
            400,
            'MalformedInput',
            'ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest',
          );
        const outcome = changed(zone.name.slice(0, -1), sets.get(id) ?? [], asked);
        if ('messages' in outcome)
          return failure(400, 'InvalidChangeBatch', `[${outcome.messages.join(', ')}]`);
        sets.set(id, outcome.sets);
        changes.set(`C${changes.size + 1}`, pending);
        return answer(
          'ChangeResourceRecordSetsResponse',
          `<ChangeInfo><Id>/change/C${changes.size}</Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>`,
        );
      },
      'GET /change/:change': ({ params: { change = '' } }) => {
        const left = changes.get(change);
        if (left === undefined)
          return failure(
            404,
            'NoSuchChange',
            `A change with the specified ID was not found: ${change}`,
          );
        changes.set(change, left - 1);
        return answer(
          'GetChangeResponse',
          `<ChangeInfo><Id>/change/${change}</Id><Status>${left > 0 ? 'PENDING' : 'INSYNC'}</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>`,
        );
      },
    },
  });
  const at = (name: string) =>
    [...sets.values()].flat().filter((set) => set.type === 'TXT' && set.name === stored(name));
  return {
    ...host,
    requestHandler: standInHandler(host),
    lookUp: async (name: string) => at(name).flatMap(({ values = [] }) => values.map(text)),
    at,
    put: (zone: string, set: RecordSet) => {
      sets.set(zone, [...(sets.get(zone) ?? []), set]);
    },
  };
}
