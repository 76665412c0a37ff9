import type { Clock } from '@acmex/clock';
import {
  canonicalName,
  DnsError,
  type DnsOptions,
  hostZones,
  type HostZones,
  sharedAnswers,
} from '@acmex/dns';
import { placeOf, type ZonePlace } from './resource-id.ts';

/** A page of a list. */
export interface Listed<Item> {
  readonly value: readonly Item[];
  readonly nextLink?: string | null;
}

type LimitsOfZone = DnsOptions & { readonly zone?: string };

export interface AzureZonesOptions {
  readonly clock: Clock;
  readonly subscriptionId: string | undefined;
  readonly resourceGroup: string | undefined;
  /** The only zone. */
  readonly zone: string | undefined;
  /** The resource type of the zones, and the version of its API. */
  readonly kind: { readonly type: string; readonly version: string };
  readonly list: <Item>(
    path: string,
    answer: Listed<Item>,
    options: LimitsOfZone,
  ) => Promise<readonly Item[]>;
  readonly get: (
    path: string,
    options: LimitsOfZone & { readonly answer: { readonly name: string } },
  ) => Promise<unknown>;
}

const subscriptionsAnswer: Listed<{ readonly subscriptionId: string }> = {
  value: [{ subscriptionId: '' }],
};
const zonesAnswer: Listed<{ readonly id: string }> = { value: [{ id: '' }] };

/** Returns the path of a zone, or with less of its place that of a list of zones. */
export function zonePath(
  type: string,
  { subscription, group, name }: Partial<ZonePlace> & Pick<ZonePlace, 'subscription'>,
): string {
  return [
    '',
    'subscriptions',
    subscription,
    ...(group === undefined ? [] : ['resourceGroups', group]),
    'providers',
    'Microsoft.Network',
    type,
    ...(name === undefined ? [] : [name]),
  ]
    .map(encodeURIComponent)
    .join('/');
}

/**
 * Finds zones in Azure Resource Manager. With a subscription and a resource group each zone is read
 * by its path, so that an identity with rights on one zone can find it.
 */
export function azureZones(options: AzureZonesOptions): HostZones<ZonePlace> {
  const { clock, zone, subscriptionId, resourceGroup } = options;
  const isWanted = (name: string) =>
    zone === undefined || canonicalName(zone) === canonicalName(name);
  const subscriptions = subscriptionsOf(options);
  const group =
    subscriptionId === undefined || resourceGroup === undefined
      ? undefined
      : { subscription: subscriptionId, group: resourceGroup };
  const list = async (limits: DnsOptions) =>
    (await listZones(options, await subscriptions(limits), limits)).filter(
      ({ name, group: zoneGroup }) =>
        isWanted(name) &&
        (resourceGroup === undefined || zoneGroup.toLowerCase() === resourceGroup.toLowerCase()),
    );
  const ask = async (name: string, limits: DnsOptions) => {
    if (!isWanted(name)) return [];
    if (!group) return await zonesNamed(name, options, await subscriptions(limits), limits);
    const place = { ...group, name };
    return zone === undefined ? [await readZone(place, options, limits)] : [place];
  };
  const search = async (base: string, limits: DnsOptions) => {
    const zones = await zonesWhere(
      `substringof(${literal(base)}, name)`,
      options,
      await subscriptions(limits),
      limits,
    );
    return { zones: zones.filter(({ name }) => isWanted(name)), isComplete: true };
  };
  return hostZones({
    clock,
    ask,
    ...(group ? {} : { search }),
    list: async (limits) =>
      zone !== undefined && group ? [{ ...group, name: zone }] : await list(limits),
  });
}

/** Returns a function that returns the ids of the subscriptions; a list is remembered a minute. */
function subscriptionsOf({ clock, subscriptionId, list }: AzureZonesOptions) {
  const remembered = sharedAnswers<readonly string[]>(clock);
  return async (limits: DnsOptions): Promise<readonly string[]> =>
    subscriptionId === undefined
      ? await remembered.get('', limits, async () =>
          (await list('/subscriptions?api-version=2022-12-01', subscriptionsAnswer, limits)).map(
            (subscription) => subscription.subscriptionId,
          ),
        )
      : [subscriptionId];
}

async function listZones(
  { kind: { type, version }, subscriptionId, resourceGroup, list }: AzureZonesOptions,
  subscriptions: readonly string[],
  limits: DnsOptions,
): Promise<readonly ZonePlace[]> {
  const group = subscriptionId === undefined ? undefined : resourceGroup;
  const zones: ZonePlace[] = [];
  for (const subscription of subscriptions) {
    const path = zonePath(type, { subscription, ...(group === undefined ? {} : { group }) });
    const page = await list(`${path}?api-version=${version}`, zonesAnswer, limits);
    zones.push(...page.map(({ id }) => placeOf(id)));
  }
  return zones;
}

/** Returns the zones of a name; `undefined` for an identity that may list zones, and not resources. */
async function zonesNamed(
  name: string,
  options: AzureZonesOptions,
  subscriptions: readonly string[],
  limits: DnsOptions,
): Promise<readonly ZonePlace[] | undefined> {
  try {
    return await zonesWhere(`name eq ${literal(name)}`, options, subscriptions, {
      ...limits,
      zone: name,
    });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}

/**
 * Returns the zones that a filter selects in all subscriptions, without a list of all zones.
 *
 * @see https://learn.microsoft.com/rest/api/resources/resources/list
 */
async function zonesWhere(
  condition: string,
  { kind: { type }, resourceGroup, list }: AzureZonesOptions,
  subscriptions: readonly string[],
  limits: LimitsOfZone,
): Promise<readonly ZonePlace[]> {
  const query = new URLSearchParams({
    $filter: `resourceType eq 'Microsoft.Network/${type}' and ${condition}`,
    'api-version': '2021-04-01',
  });
  const ids: string[] = [];
  for (const subscription of subscriptions) {
    const path = `/subscriptions/${encodeURIComponent(subscription)}/resources?${query}`;
    ids.push(...(await list(path, zonesAnswer, limits)).map(({ id }) => id));
  }
  return ids
    .map(placeOf)
    .filter(
      ({ group }) =>
        resourceGroup === undefined || group.toLowerCase() === resourceGroup.toLowerCase(),
    );
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns true for an answer of Azure that asking again does not change. */
function isRefusal(error: unknown): boolean {
  return error instanceof DnsError && error.cause === undefined && !error.passing;
}

async function readZone(
  place: ZonePlace,
  { kind: { type, version }, get }: AzureZonesOptions,
  limits: DnsOptions,
): Promise<ZonePlace> {
  await get(`${zonePath(type, place)}?api-version=${version}`, {
    ...limits,
    zone: place.name,
    answer: { name: '' },
  });
  return place;
}
