import { type AzureCloud, clouds } from '@acmex/azure';
import { tokenStandIn } from '@acmex/azure/stand-in';
import type { Clock } from '@acmex/clock';
import { type StandInAnswer, type StandInRequest, standIn } from '@acmex/dns/stand-in';

export interface AzureStandInOptions {
  readonly clock: Clock;
  readonly cloud?: AzureCloud;
  /** As `SUBSCRIPTION/GROUP/dnszones/NAME`, or with `privateDnsZones`. */
  readonly zones: readonly string[];
  /** An access token that is taken beside those that are given. */
  readonly token?: string;
  /** In PEM: the only proof that is taken of the service principal. */
  readonly clientCertificate?: string;
}

export interface TxtSet {
  readonly ttl: number;
  readonly values: readonly (readonly string[])[];
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Zone {
  readonly subscription: string;
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly sets: Map<string, TxtSet & { readonly etag: string }>;
}

const failure = (status: number, code: string, message: string): StandInAnswer => ({
  status,
  body: { error: { code, message } },
});
const versions: Readonly<Record<string, string>> = {
  dnszones: '2018-05-01',
  privatednszones: '2020-06-01',
};
const below = 'subscriptions/:subscription/resourceGroups/:group/providers/Microsoft.Network/:kind';

/**
 * Azure Resource Manager with Azure DNS as their references describe them, and what gives access to
 * them. Lists have two items to a page.
 */
export function azureStandIn({
  clock,
  cloud = 'public',
  zones: places,
  token,
  clientCertificate,
}: AzureStandInOptions) {
  const { management } = clouds[cloud];
  const tokens = tokenStandIn(clock, clouds[cloud], clientCertificate);
  const zones = places.map((place): Zone => {
    const [subscription = '', group = '', kind = '', name = ''] = place.split('/');
    return { subscription, group, kind, name, sets: new Map() };
  });
  const idOf = ({ subscription, group, kind, name }: Zone) =>
    `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Network/${kind}/${name}`;
  let etags = 0;

  /** Why a request is none that a resource provider takes; by its path and query alone. */
  const wrong = ({
    params: { subscription = '', group, kind = 'subscriptions', zone },
    url,
  }: StandInRequest): StandInAnswer | undefined => {
    const version = kind === 'subscriptions' ? '2022-12-01' : versions[kind.toLowerCase()];
    if (version === undefined)
      return failure(
        404,
        'InvalidResourceType',
        `The resource type '${kind}' could not be found in the namespace 'Microsoft.Network'.`,
      );
    if (url.searchParams.get('api-version') !== version)
      return failure(
        400,
        'InvalidApiVersionParameter',
        `The api-version '${url.searchParams.get('api-version')}' is invalid.`,
      );
    if (kind === 'subscriptions') return undefined;
    const inside = zones.filter((zone) => zone.subscription === subscription);
    if (inside.length === 0)
      return failure(
        404,
        'SubscriptionNotFound',
        `The subscription '${subscription}' could not be found.`,
      );
    const grouped =
      group === undefined
        ? inside
        : inside.filter((zone) => zone.group.toLowerCase() === group.toLowerCase());
    if (grouped.length === 0)
      return failure(404, 'ResourceGroupNotFound', `Resource group '${group}' could not be found.`);
    return zone === undefined || zoneOf(grouped, kind, zone)
      ? undefined
      : failure(
          404,
          'ResourceNotFound',
          `The Resource 'Microsoft.Network/${kind}/${zone}' under resource group '${group}' was not found.`,
        );
  };
  const zoneOf = (among: readonly Zone[], kind: string, name: string) =>
    among.find(
      (zone) =>
        zone.kind.toLowerCase() === kind.toLowerCase() &&
        zone.name.toLowerCase() === name.toLowerCase(),
    );
  const page = (all: readonly object[], url: URL): StandInAnswer => {
    const at = Number(url.searchParams.get('$skipToken') ?? 0);
    const next = new URL(url);
    next.searchParams.set('$skipToken', String(at + 2));
    return {
      status: 200,
      body: {
        value: all.slice(at, at + 2),
        ...(all.length > at + 2
          ? { nextLink: next.href.replace(/^(https:\/\/[^/]+)/, '$1:443') }
          : {}),
      },
    };
  };
  const listed = (request: StandInRequest): StandInAnswer => {
    const {
      params: { subscription, group, kind = '' },
      url,
    } = request;
    const matchingZones = zones.filter(
      (zone) =>
        zone.subscription === subscription &&
        (group === undefined || zone.group.toLowerCase() === group.toLowerCase()) &&
        zone.kind.toLowerCase() === kind.toLowerCase(),
    );
    return (
      wrong(request) ??
      page(
        matchingZones.map((zone) => ({
          id: idOf(zone),
          name: zone.name,
          type: `Microsoft.Network/${zone.kind}`,
          location: 'global',
          properties: {},
        })),
        url,
      )
    );
  };

  /** A set as the zone's kind writes it. */
  const written = (zone: Zone, name: string): object => {
    const { ttl = 0, values = [], metadata, etag } = zone.sets.get(name.toLowerCase()) ?? {};
    const records = values.map((value) => ({ value }));
    const properties = {
      fqdn: name === '@' ? `${zone.name}.` : `${name}.${zone.name}.`,
      ...(metadata ? { metadata } : {}),
      ...(zone.kind === 'dnszones'
        ? { TTL: ttl, TXTRecords: records }
        : { ttl, txtRecords: records, isAutoRegistered: false }),
    };
    return {
      id: `${idOf(zone)}/TXT/${name}`,
      name,
      type: `Microsoft.Network/${zone.kind}/TXT`,
      etag,
      properties,
    };
  };
  /** 412 where a condition does not hold. */
  const unmet = (
    { headers }: StandInRequest,
    etag: string | undefined,
  ): StandInAnswer | undefined => {
    const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
    if (ifMatch !== null && ifMatch !== etag)
      return failure(
        412,
        'PreconditionFailed',
        `The condition '${ifMatch}' in the If-Match header was not satisfied. The current was '${etag ?? 'N/A'}'.`,
      );
    return ifNoneMatch === '*' && etag !== undefined
      ? failure(
          412,
          'PreconditionFailed',
          "The condition '*' in the If-None-Match header was not satisfied. The current was not null.",
        )
      : undefined;
  };
  const put = (zone: Zone, name: string, set: TxtSet): void => {
    zone.sets.set(name.toLowerCase(), {
      ...set,
      etag: `00000000-0000-0000-0000-${String(++etags).padStart(12, '0')}`,
    });
  };
  const onSet =
    (act: (request: StandInRequest, zone: Zone, name: string) => StandInAnswer) =>
    (request: StandInRequest): StandInAnswer => {
      const {
        params: { subscription, group = '', kind = '', zone: zoneName = '', name = '' },
      } = request;
      const zone = zoneOf(
        zones.filter(
          (candidate) =>
            candidate.subscription === subscription &&
            candidate.group.toLowerCase() === group.toLowerCase(),
        ),
        kind,
        zoneName,
      );
      return (
        wrong(request) ??
        (zone
          ? act(request, zone, name)
          : failure(
              404,
              'ParentResourceNotFound',
              `Can not perform requested operation on nested resource. Parent resource '${zoneName}' not found.`,
            ))
      );
    };
  const api = standIn({
    baseUrl: management,
    authorized: ({ headers }) => {
      const [, bearer = ''] = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '') ?? [];
      return bearer === token || tokens.valid(bearer);
    },
    words: {
      credentials: failure(401, 'InvalidAuthenticationToken', 'The access token is invalid.'),
      'rate-limited': failure(429, 'TooManyRequests', 'The request is being throttled.'),
      unknown: failure(404, 'NotFound', 'The path is not known.'),
      malformed: failure(
        400,
        'InvalidRequestContent',
        'The request content was invalid and could not be deserialized.',
      ),
      'server-error': failure(500, 'InternalServerError', 'Encountered internal server error.'),
    },
    routes: {
      'GET /subscriptions': (request) =>
        wrong(request) ??
        page(
          [...new Set(zones.map(({ subscription }) => subscription))].map((subscriptionId) => ({
            id: `/subscriptions/${subscriptionId}`,
            subscriptionId,
            state: 'Enabled',
          })),
          request.url,
        ),
      'GET /subscriptions/:subscription/resources': ({ params, url }) => {
        const [, kind = '', name = ''] =
          /^resourceType eq 'Microsoft\.Network\/(\w+)' and name eq '([^']+)'$/.exec(
            url.searchParams.get('$filter') ?? '',
          ) ?? [];
        const inside = zones.filter((zone) => zone.subscription === params.subscription);
        const value = inside
          .filter((zone) => zoneOf([zone], kind, name))
          .map((zone) => ({ id: idOf(zone), name: zone.name }));
        return inside.length === 0
          ? failure(
              404,
              'SubscriptionNotFound',
              `The subscription '${params.subscription}' could not be found.`,
            )
          : { status: 200, body: { value } };
      },
      'GET /subscriptions/:subscription/providers/Microsoft.Network/:kind': listed,
      [`GET /${below}`]: listed,
      [`GET /${below}/:zone`]: onSet((_, zone) => ({
        status: 200,
        body: {
          id: idOf(zone),
          name: zone.name,
          type: `Microsoft.Network/${zone.kind}`,
          location: 'global',
          properties: {},
        },
      })),
      [`GET /${below}/:zone/TXT/:name`]: onSet((_, zone, name) =>
        zone.sets.has(name.toLowerCase())
          ? { status: 200, body: written(zone, name) }
          : failure(
              404,
              'NotFound',
              `The resource record '${name}' does not exist in resource group '${zone.group}' of subscription '${zone.subscription}'.`,
            ),
      ),
      [`PUT /${below}/:zone/TXT/:name`]: onSet((request, zone, name) => {
        const before = zone.sets.get(name.toLowerCase());
        const { metadata, ...properties } =
          (request.body as { readonly properties?: Readonly<Record<string, unknown>> } | undefined)
            ?.properties ?? {};
        const names = zone.kind === 'dnszones' ? ['TTL', 'TXTRecords'] : ['ttl', 'txtRecords'];
        const unknown = Object.keys(properties).filter((key) => !names.includes(key));
        if (unknown.length > 0)
          return failure(
            400,
            'BadRequest',
            `There are no members ${unknown.join(', ')} in the properties of a record set.`,
          );
        const [ttl, records] = names.map((name) => properties[name]);
        if (!(typeof ttl === 'number' && ttl >= 1 && ttl <= 2 ** 31 - 1))
          return failure(
            400,
            'BadRequest',
            `The value '${String(ttl)}' provided for the TTL is not valid.`,
          );
        const values = Array.isArray(records)
          ? records.map((record: { readonly value?: unknown } | null) => record?.value)
          : [undefined];
        if (
          !values.every(
            (value): value is readonly string[] =>
              Array.isArray(value) &&
              value.length > 0 &&
              value.every((part) => typeof part === 'string' && part.length <= 255),
          )
        )
          return failure(400, 'BadRequest', 'The value provided for the TXT record is not valid.');
        if (new Set(values.map((value) => value.join(''))).size < values.length)
          return failure(400, 'BadRequest', 'The TXT records have a duplicate.');
        const no = unmet(request, before?.etag);
        if (no) return no;
        put(zone, name, {
          ttl,
          values,
          ...(metadata === undefined
            ? {}
            : { metadata: metadata as Readonly<Record<string, string>> }),
        });
        return { status: before ? 200 : 201, body: written(zone, name) };
      }),
      [`DELETE /${below}/:zone/TXT/:name`]: onSet((request, zone, name) => {
        const before = zone.sets.get(name.toLowerCase());
        if (!before) return { status: 204 };
        const no = unmet(request, before.etag);
        if (!no) zone.sets.delete(name.toLowerCase());
        return no ?? { status: 200 };
      }),
    },
  });
  const hosts: Readonly<Record<string, typeof globalThis.fetch>> = {
    [new URL(clouds[cloud].authority).host]: tokens.entra.fetch,
    '169.254.169.254': tokens.metadata.fetch,
  };
  const fetch: typeof globalThis.fetch = async (input, init) =>
    await (hosts[new URL(new Request(input).url).host] ?? api.fetch)(input, init);
  const zone = (place: string): Zone => {
    const zone = zones[places.indexOf(place)];
    if (!zone) throw new Error(`there is no ${place}`);
    return zone;
  };
  return {
    ...api,
    fetch,
    tokens,
    /** The set of a name in a zone, by the zone's place. */
    at: (place: string, name: string) => zone(place).sets.get(name),
    put: (place: string, name: string, set: TxtSet) => {
      put(zone(place), name, set);
    },
    lookUp: async (name: string) =>
      zones.flatMap((zone) =>
        [...zone.sets]
          .filter(([label]) => (label === '@' ? zone.name : `${label}.${zone.name}`) === name)
          .flatMap(([, { values }]) => values.map((characterStrings) => characterStrings.join(''))),
      ),
  };
}
