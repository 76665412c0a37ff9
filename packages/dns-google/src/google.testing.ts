import type { Clock } from '@acmex/clock';
import { unquoted } from '@acmex/dns';
import { type StandInAnswer, standIn } from '@acmex/dns/stand-in';
import { tokenStandIn } from './token.testing.ts';

interface RecordSet {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly rrdatas: readonly string[];
  readonly routingPolicy?: object;
}

export interface GoogleStandInOptions {
  readonly clock: Clock;
  /** DNS names by the names of managed zones; those that are named with `private-` are private. */
  readonly zones: Readonly<Record<string, string>>;
  /** An access token that is taken beside those that are given. */
  readonly token?: string;
}

const failure = (status: number, reason: string, message: string): StandInAnswer => ({
  status,
  body: { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } },
});
const isText = (text: string) =>
  /^"(?:[^"\\]|\\.){0,255}"(?: "(?:[^"\\]|\\.){0,255}")*$/.test(text);

/**
 * The API of Cloud DNS v1 as its reference describes it, with one project, and the servers that
 * give access to it. Lists have two items to a page.
 */
export function googleStandIn({ clock, zones: zoneNames, token }: GoogleStandInOptions) {
  const tokens = tokenStandIn(clock);
  const zones = Object.entries(zoneNames).map(([name, dnsName], at) => ({
    kind: 'dns#managedZone',
    id: String(7_000_000 + at),
    name,
    dnsName: `${dnsName}.`,
    visibility: name.startsWith('private-') ? 'private' : 'public',
  }));
  const sets = new Map<string, readonly RecordSet[]>(zones.map(({ name }) => [name, []]));
  let changes = 0;
  const zoneOf = (project = '', zone = '') =>
    project === 'project-1'
      ? zones.find(({ name, id }) => name === zone || id === zone)
      : undefined;
  const noZone = (zone = '') =>
    failure(
      404,
      'notFound',
      `The 'parameters.managedZone' resource named '${zone}' does not exist.`,
    );
  const same = (pick: Pick<RecordSet, 'name' | 'type'>, set: Pick<RecordSet, 'name' | 'type'>) =>
    pick.name === set.name && pick.type === set.type;

  const changed = (
    dnsName: string,
    before: readonly RecordSet[],
    deletions: readonly RecordSet[],
    additions: readonly RecordSet[],
  ): readonly RecordSet[] | StandInAnswer => {
    for (const [at, set] of deletions.entries()) {
      const there = before.find((recordSet) => same(recordSet, set));
      if (!there)
        return failure(
          404,
          'notFound',
          `The resource 'entity.change.deletions[${at}]' named '${set.name} (${set.type})' does not exist.`,
        );
      if (
        there.ttl !== set.ttl ||
        JSON.stringify([...there.rrdatas].sort()) !== JSON.stringify([...set.rrdatas].sort())
      )
        return failure(
          412,
          'conditionNotMet',
          `Precondition not met for 'entity.change.deletions[${at}]'`,
        );
    }
    const left = before.filter((recordSet) => !deletions.some((set) => same(recordSet, set)));
    for (const [at, set] of additions.entries()) {
      if (set.name !== dnsName && !set.name.endsWith(`.${dnsName}`))
        return failure(
          400,
          'invalid',
          `Invalid value for 'entity.change.additions[${at}].name': '${set.name}'`,
        );
      const wrong = set.rrdatas.find((text) => set.type === 'TXT' && !isText(text));
      if (wrong !== undefined || set.rrdatas.length === 0 || !(set.ttl >= 0))
        return failure(
          400,
          'invalid',
          `Invalid value for 'entity.change.additions[${at}].rrdata': '${wrong}'`,
        );
      if (left.some((recordSet) => same(recordSet, set)))
        return failure(
          409,
          'alreadyExists',
          `The resource 'entity.change.additions[${at}]' named '${set.name} (${set.type})' already exists`,
        );
    }
    return [...left, ...additions];
  };
  const dns = standIn({
    baseUrl: 'https://dns.googleapis.com/dns/v1/projects',
    authorized: ({ headers }) => {
      const [, bearer = ''] = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '') ?? [];
      return bearer === token || tokens.valid(bearer);
    },
    words: {
      credentials: failure(
        401,
        'authError',
        'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
      ),
      'rate-limited': failure(403, 'rateLimitExceeded', 'Rate Limit Exceeded'),
      unknown: failure(404, 'notFound', 'Not Found'),
      malformed: failure(400, 'parseError', 'Parse Error'),
      'server-error': failure(500, 'backendError', 'Backend Error'),
    },
    routes: {
      'GET /:project/managedZones': ({ params, url: { searchParams } }) => {
        const [name, at] = [
          searchParams.get('dnsName'),
          Number(searchParams.get('pageToken') ?? 0),
        ];
        const all = zones.filter(({ dnsName }) => name === null || dnsName === name);
        return params.project === 'project-1'
          ? {
              status: 200,
              body: {
                kind: 'dns#managedZonesListResponse',
                managedZones: all.slice(at, at + 2),
                ...(all.length > at + 2 ? { nextPageToken: String(at + 2) } : {}),
              },
            }
          : failure(403, 'forbidden', 'Forbidden');
      },
      'GET /:project/managedZones/:zone': ({ params }) => {
        const body = zoneOf(params.project, params.zone);
        return body ? { status: 200, body } : noZone(params.zone);
      },
      'GET /:project/managedZones/:zone/rrsets': ({ params, url: { searchParams } }) => {
        const zone = zoneOf(params.project, params.zone);
        const [name, type] = [searchParams.get('name'), searchParams.get('type')];
        if (type !== null && name === null)
          return failure(
            400,
            'required',
            "The 'parameters.name' parameter is required but was missing.",
          );
        return zone
          ? {
              status: 200,
              body: {
                kind: 'dns#resourceRecordSetsListResponse',
                rrsets: (sets.get(zone.name) ?? []).filter(
                  (recordSet) =>
                    [null, recordSet.name].includes(name) && [null, recordSet.type].includes(type),
                ),
              },
            }
          : noZone(params.zone);
      },
      'POST /:project/managedZones/:zone/changes': ({ params, body }) => {
        const zone = zoneOf(params.project, params.zone);
        if (!zone) return noZone(params.zone);
        const { deletions = [], additions = [] } = (body ?? {}) as {
          readonly deletions?: readonly RecordSet[];
          readonly additions?: readonly RecordSet[];
        };
        if (deletions.length + additions.length === 0)
          return failure(
            400,
            'required',
            "The 'entity.change' parameter is required but was missing.",
          );
        const outcome = changed(zone.dnsName, sets.get(zone.name) ?? [], deletions, additions);
        if ('status' in outcome) return outcome;
        sets.set(zone.name, outcome);
        changes += 1;
        return {
          status: 200,
          body: {
            kind: 'dns#change',
            id: String(changes),
            status: 'pending',
            startTime: clock.now().toString(),
            additions,
            deletions,
          },
        };
      },
    },
  });
  const hosts: Readonly<Record<string, Pick<typeof dns, 'fetch'>>> = {
    'oauth2.googleapis.com': tokens.oauth,
    'metadata.google.internal': tokens.metadata,
    'sts.googleapis.com': tokens.sts,
    'iamcredentials.googleapis.com': tokens.iam,
  };
  const fetch: typeof globalThis.fetch = async (input, init) =>
    await (hosts[new URL(new Request(input).url).hostname] ?? dns).fetch(input, init);
  const at = (name: string) =>
    [...sets.values()].flat().filter((set) => set.type === 'TXT' && set.name === `${name}.`);
  return {
    ...dns,
    fetch,
    tokens,
    at,
    lookUp: async (name: string) => at(name).flatMap(({ rrdatas }) => rrdatas.map(unquoted)),
    put: (zone: string, set: RecordSet) => {
      sets.set(zone, [...(sets.get(zone) ?? []), set]);
    },
  };
}
