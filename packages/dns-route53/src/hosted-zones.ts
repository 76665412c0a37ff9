import { GetHostedZoneCommand, ListHostedZonesByNameCommand } from '@aws-sdk/client-route-53';
import type { Clock } from '@acmex/clock';
import {
  allPages,
  DnsError,
  type DnsOptions,
  hostZones,
  type HostZones,
  type SdkApi,
} from '@acmex/dns';
import type { Send } from './route53-api.ts';

export interface HostedZone {
  readonly id: string;
  readonly name: string;
}

interface HostedZonesPage {
  readonly HostedZones: readonly {
    readonly Id: string;
    readonly Name: string;
    readonly Config: { readonly PrivateZone: boolean };
  }[];
  readonly NextDNSName?: string;
  readonly NextHostedZoneId?: string;
}

interface HostedZonesOptions {
  readonly call: SdkApi;
  readonly send: Send;
  readonly clock: Clock;
  readonly hostedZoneId: string | undefined;
  readonly visibility: 'public' | 'private';
}

const pageAnswer: HostedZonesPage = {
  HostedZones: [{ Id: '', Name: '', Config: { PrivateZone: false } }],
};

/** Finds hosted zones by their names; with an id that one alone. */
export function hostedZones(options: HostedZonesOptions): HostZones<HostedZone> {
  const { call, send, clock, hostedZoneId: id, visibility } = options;
  if (id !== undefined)
    return hostZones({ clock, list: async (limits) => [await hostedZone(options, id, limits)] });
  /** Returns a page of hosted zones in the order of their names, from a name on. */
  const page = async (
    input: { readonly DNSName?: string; readonly HostedZoneId?: string },
    limits: DnsOptions,
  ) => {
    const answer = await call(
      'ListHostedZonesByName',
      (abortSignal) =>
        send(new ListHostedZonesByNameCommand({ ...input, MaxItems: 100 }), { abortSignal }),
      { ...limits, repeatable: true, answer: pageAnswer },
    );
    const items = answer.HostedZones.filter(
      ({ Config }) => Config.PrivateZone === (visibility === 'private'),
    ).map(({ Id, Name }) => ({ id: Id, name: nameOf(Name) }));
    const next = answer.NextDNSName && `${answer.NextDNSName} ${answer.NextHostedZoneId}`;
    return { items, next: next || undefined };
  };
  return hostZones({
    clock,
    list: (limits) =>
      allPages(
        '',
        async (place) => {
          const [DNSName, HostedZoneId] = place.split(' ');
          return await page(DNSName && HostedZoneId ? { DNSName, HostedZoneId } : {}, limits);
        },
        { provider: 'route53' },
      ),
    ask: async (name, limits) => (await page({ DNSName: name }, limits)).items,
    async search(base, limits) {
      // The order is that of the labels from the right: a name comes before all below it.
      const { items, next } = await page({ DNSName: base }, limits);
      const isBelow = ({ name }: HostedZone) => `.${name}`.endsWith(`.${base}`);
      const zones = items.filter(isBelow);
      return { zones, isComplete: next === undefined || zones.length < items.length };
    },
  });
}

async function hostedZone(
  { call, send }: HostedZonesOptions,
  id: string,
  limits: DnsOptions,
): Promise<HostedZone> {
  const {
    HostedZone: { Name },
  } = await call(
    'GetHostedZone',
    (abortSignal) => send(new GetHostedZoneCommand({ Id: id }), { abortSignal }),
    { ...limits, zone: id, repeatable: true, answer: { HostedZone: { Name: '' } } },
  );
  return { id, name: nameOf(Name) };
}

/** @throws DnsError `ERR_DNS_ZONE_NOT_FOUND` unless there is exactly one hosted zone */
export function idOf(
  zone: string,
  [entry, ...namesakes]: readonly HostedZone[],
  visibility: string,
): string {
  if (entry && namesakes.length === 0) return entry.id;
  throw new DnsError(
    'ERR_DNS_ZONE_NOT_FOUND',
    entry
      ? `route53: ${namesakes.length + 1} ${visibility} hosted zones are called ${zone} (${[entry, ...namesakes].map(({ id }) => id.replace('/hostedzone/', '')).join(', ')}): give hostedZoneId`
      : `route53: no ${visibility} hosted zone ${zone} with these credentials: check the name, the account, and whether the zone is public or private`,
  );
}

/**
 * A name as others write it: Route 53 ends it with a dot, and has octal escapes for all but
 * letters, digits, - and _.
 */
export function nameOf(name: string): string {
  return name
    .replace(/\.$/, '')
    .replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
