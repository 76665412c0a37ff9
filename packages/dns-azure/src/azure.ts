import {
  accessTokens,
  type AzureCloud,
  type AzureCredentials,
  clouds,
  type Transport,
} from '@acmex/azure';
import { keyedMutex, systemClock } from '@acmex/clock';
import {
  allPages,
  bearer,
  DnsError,
  type DnsOptions,
  type DnsProvider,
  editRecordSet,
  type JsonApi,
  jsonApi,
  recordName,
  type RecordSet,
  type RecordSetEdit,
  type TxtRecord,
  type ValueText,
  withoutValue,
  withValue,
} from '@acmex/dns';
import { azureZones, type Listed, zonePath } from './azure-zones.ts';
import { pathIn, type ZonePlace } from './resource-id.ts';
import { bodyOf, type Found, foundIn, kinds, text } from './txt-record-set.ts';

export interface AzureOptions extends Transport {
  /** By default the managed identity of the machine that this runs on in Azure. */
  readonly credentials?: AzureCredentials;
  /** The subscription that has the zones; all that the credentials see by default. */
  readonly subscriptionId?: string;
  /**
   * The resource group that has the zones; all by default. With both nothing is listed: the
   * credentials need to see the one zone alone.
   */
  readonly resourceGroup?: string;
  /**
   * The only zone that is written, as `example.com`. With the subscription and the resource group
   * the zone is not even read: the credentials need rights on its TXT records alone.
   */
  readonly zone?: string;
  /** Which zones are written; `public` by default. */
  readonly visibility?: 'public' | 'private';
  /** `public` by default. */
  readonly cloud?: AzureCloud;
}

/**
 * TXT records in Azure DNS, public or private. Record sets are changed as a whole, by the ETag that
 * they were read with: a change fails where someone came in between, and is tried again.
 * @see https://learn.microsoft.com/rest/api/dns/
 */
// eslint-disable-next-line max-lines-per-function -- every inner function uses the same connection and settings
export function azure({
  subscriptionId,
  resourceGroup,
  zone: onlyZone,
  visibility = 'public',
  cloud = 'public',
  credentials,
  ...transport
}: AzureOptions = {}): DnsProvider {
  const { clock = systemClock } = transport;
  const { type, version, example } = kinds[visibility];
  const tokens = accessTokens(credentials, clouds[cloud], transport);
  const mutex = keyedMutex();
  const api =
    (
      limits: DnsOptions,
      condition: Readonly<Record<string, string>> = {},
      heard?: (status: number) => void,
    ): JsonApi =>
    async (method, path, options) =>
      await tokens.use(limits, async (token) => {
        const send = jsonApi({
          provider: 'azure',
          baseUrl: clouds[cloud].management,
          headers: { authorization: bearer(token), ...condition },
          refusal(_json, status) {
            heard?.(status);
            if (status === 401) tokens.forget();
            return undefined;
          },
          ...transport,
        });
        return await send(method, path, options);
      });

  const list = async <Item>(
    path: string,
    answer: Listed<Item>,
    options: DnsOptions & { readonly zone?: string },
  ): Promise<readonly Item[]> =>
    await allPages(
      path,
      async (place) => {
        const { value, nextLink } = await api(options)('GET', place, { ...options, answer });
        return { items: value, next: nextLink ? pathIn(nextLink) : undefined };
      },
      { provider: 'azure' },
    );
  const zones = azureZones({
    clock,
    subscriptionId,
    resourceGroup,
    zone: onlyZone,
    kind: { type, version },
    list,
    get: async (path, limits) => await api(limits)('GET', path, limits),
  });
  const pathOfZone = (name: string, [place, ...namesakes]: readonly ZonePlace[]): string => {
    if (place && namesakes.length === 0) return zonePath(type, place);
    throw new DnsError(
      'ERR_DNS_ZONE_NOT_FOUND',
      place
        ? `azure: ${namesakes.length + 1} ${visibility} zones are named ${name} (in the resource groups ${[place, ...namesakes].map(({ group }) => group).join(', ')}): give subscriptionId and resourceGroup`
        : `azure: no ${visibility} zone ${name} with these credentials: check the name, the subscription, what the identity may read, and whether the zone is public or private`,
    );
  };
  const find = async (
    path: string,
    zone: string,
    options: DnsOptions,
  ): Promise<Found | undefined> => {
    try {
      return foundIn(await api(options)('GET', path, { ...options, zone, answer: example }));
    } catch (error) {
      // Of the two that a 404 can be about, the zone was there a moment ago.
      if (error instanceof Error && 'code' in error && error.code === 'ERR_DNS_ZONE_NOT_FOUND')
        return undefined;
      throw error;
    }
  };
  const replace = async (
    path: string,
    zone: string,
    there: Found | undefined,
    wanted: RecordSet,
    options: DnsOptions,
  ): Promise<true | undefined> => {
    let status = 0;
    const conditional = api(
      options,
      there ? { 'if-match': there.etag } : { 'if-none-match': '*' },
      (heard) => {
        status = heard;
      },
    );
    const { metadata = {} } = there ?? {};
    // What has metadata was made by someone who wants to keep it, even empty.
    if (wanted.values.length > 0 || Object.keys(metadata).length > 0)
      await conditional('PUT', path, {
        ...options,
        zone,
        body: bodyOf(wanted, metadata, visibility),
        accept: [412],
      });
    else await conditional('DELETE', path, { ...options, zone, accept: [404, 412] });
    return status === 412 ? undefined : true;
  };
  const editIn = async (
    parent: string,
    zone: string,
    records: readonly TxtRecord[],
    edit: (record: TxtRecord, text: ValueText) => RecordSetEdit,
    options: DnsOptions,
  ): Promise<void> => {
    for (const record of records) {
      const name = recordName(zone, record);
      const path = `${parent}/TXT/${encodeURIComponent(record.name)}?api-version=${version}`;
      const set = {
        provider: 'azure',
        name,
        clock,
        ttl: 60,
        find: () => find(path, zone, options),
        replace: (there: Found | undefined, wanted: RecordSet) =>
          replace(path, zone, there, wanted, options),
        ...options,
      };
      await mutex(name, () => editRecordSet(set, edit(record, text)), options);
    }
  };

  const each = (
    zone: string,
    records: readonly TxtRecord[],
    edit: (record: TxtRecord, text: ValueText) => RecordSetEdit,
    options: DnsOptions,
  ): Promise<void> =>
    zones.use(zone, options, (places) =>
      editIn(pathOfZone(zone, places), zone, records, edit, options),
    );

  return {
    name: 'azure',
    append: (zone, records, options = {}) => each(zone, records, withValue, options),
    remove: (zone, records, options = {}) => each(zone, records, withoutValue, options),
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}
