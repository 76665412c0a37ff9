import { unquoted } from '@acmex/dns';
import {
  type StandIn,
  type StandInAnswer,
  standIn,
  type StandInOptions,
} from '@acmex/dns/stand-in';

interface RecordSet {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly records: readonly { readonly content: string; readonly disabled: boolean }[];
}

/**
 * What PowerDNS 4.7 says. It has no rate limits, and answers 500 in many cases; a proxy in front of
 * it may do more.
 */
export const powerdnsWords: StandInOptions['words'] = {
  credentials: { status: 401, text: 'Unauthorized' },
  'rate-limited': { status: 429, text: 'Too Many Requests' },
  unknown: { status: 404, text: 'Not Found' },
  malformed: { status: 400, text: 'Bad Request' },
  'server-error': { status: 500, text: 'Internal Server Error' },
};

/** The HTTP API of PowerDNS 4.7, with one zone. */
export function powerdnsStandIn({
  zone,
  apiKey,
  sets = [],
  kind = 'Native',
}: {
  readonly zone: string;
  readonly apiKey: string;
  readonly sets?: readonly RecordSet[];
  readonly kind?: string;
}): StandIn & {
  lookUp(name: string): Promise<readonly string[]>;
  readonly sets: () => readonly RecordSet[];
} {
  let now: readonly RecordSet[] = [
    {
      name: `${zone}.`,
      type: 'SOA',
      ttl: 3600,
      records: [{ content: 'ns1. admin. 1 1 1 1 1', disabled: false }],
    },
    ...sets,
  ];
  const noSuchZone: StandInAnswer = { status: 404, text: 'Not Found' };
  const invalid = (error: string): StandInAnswer => ({ status: 422, body: { error } });
  const fault = ({
    name,
    type,
    ttl,
    records = [],
    changetype,
  }: RecordSet & { readonly changetype: string }): StandInAnswer | undefined => {
    if (!name.endsWith(`.${zone}.`) && name !== `${zone}.`)
      return invalid(`RRset ${name} IN ${type}: Name is out of zone`);
    if (!['REPLACE', 'DELETE'].includes(changetype)) return invalid('Changetype not understood');
    if (changetype === 'REPLACE' && typeof ttl !== 'number')
      return invalid("Key 'ttl' not present or not a number");
    const wrong = records.find(
      ({ content }) => !/^"(?:[^"\\]|\\.){0,255}"(?: "(?:[^"\\]|\\.){0,255}")*$/.test(content),
    );
    return wrong
      ? invalid(
          `Record ${name}/${type} '${wrong.content}': Not in expected format (parsed as '"${wrong.content}"')`,
        )
      : undefined;
  };
  const host = standIn({
    baseUrl: 'http://127.0.0.1:8081',
    authorized: ({ headers }) => headers.get('x-api-key') === apiKey,
    words: powerdnsWords,
    routes: {
      'GET /api/v1/servers/localhost/zones': () => ({
        status: 200,
        body: [{ id: `${zone}.`, name: `${zone}.`, kind }],
      }),
      'GET /api/v1/servers/localhost/zones/:zone': ({ params, url }) => {
        const [name, type] = [
          url.searchParams.get('rrset_name'),
          url.searchParams.get('rrset_type'),
        ];
        return params.zone === `${zone}.`
          ? {
              status: 200,
              body: {
                name: `${zone}.`,
                kind,
                rrsets: now.filter(
                  (recordSet) =>
                    (name === null || recordSet.name === name) &&
                    (type === null || recordSet.type === type),
                ),
              },
            }
          : noSuchZone;
      },
      'PUT /api/v1/servers/localhost/zones/:zone/notify': ({ params }) => {
        if (params.zone !== `${zone}.`) return noSuchZone;
        return kind === 'Native'
          ? { status: 400, body: { error: 'Domain is not a primary' } }
          : { status: 200, body: { result: 'Notification queued' } };
      },
      'PATCH /api/v1/servers/localhost/zones/:zone': ({ params, body }) => {
        if (params.zone !== `${zone}.`) return noSuchZone;
        const changes = (
          body as { readonly rrsets: readonly (RecordSet & { readonly changetype: string })[] }
        ).rrsets;
        const wrong = changes.map(fault).find((recordSet) => recordSet !== undefined);
        if (wrong) return wrong;
        for (const { changetype, ...set } of changes)
          now = [
            ...now.filter(
              (recordSet) => recordSet.name !== set.name || recordSet.type !== set.type,
            ),
            ...(changetype === 'REPLACE' ? [set] : []),
          ];
        return { status: 204 };
      },
    },
  });
  const lookUp = async (name: string) =>
    now
      .filter((recordSet) => recordSet.name === `${name}.` && recordSet.type === 'TXT')
      .flatMap(({ records }) =>
        records.filter(({ disabled }) => !disabled).map(({ content }) => unquoted(content)),
      );
  return { ...host, lookUp: lookUp, sets: () => now };
}
