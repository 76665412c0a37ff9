import { DnsError } from './errors.ts';
import type { LookUp } from './look-up.ts';
import type { DnsOptions, DnsProvider } from './provider.ts';
import { canonicalName, namesAbove } from './zone-name.ts';

/** Where the record of a name is written: the zone, and who answers for it. */
export interface ZoneSearch {
  readonly lookUp: LookUp;
  /** Asked first, where it knows its zones: right behind split horizons too. */
  readonly provider?: DnsProvider;
}

/**
 * The zone of a name: the longest of the provider's zones, else the nearest name above (or the name
 * itself) that has an SOA record.
 * @param name without a final dot
 * @throws DnsError `ERR_DNS_ZONE_NOT_FOUND`
 */
export async function findZone(
  name: string,
  { lookUp, provider }: ZoneSearch,
  options?: DnsOptions,
): Promise<string> {
  if (provider?.zoneOf || provider?.zones) {
    const zone = await zoneAtProvider(name, provider, { lookUp, ...options });
    if (zone !== undefined) return zone;
    throw new DnsError(
      'ERR_DNS_ZONE_NOT_FOUND',
      `${provider.name}: none of the zones that the credentials can write holds ${name}: check the name, and that its zone is in this account and the credentials can see it`,
    );
  }
  const zone = await zoneInDns(name, lookUp, options);
  if (zone !== undefined) return zone;
  throw new DnsError(
    'ERR_DNS_ZONE_NOT_FOUND',
    `no zone holds ${name}: no name above it has an SOA record: check the name, that its zone is delegated, and that this resolver can see it`,
  );
}

/**
 * Where a chain of CNAME records ends: there the CA looks, so there the record is written.
 * @throws DnsError `ERR_DNS_LOOKUP` for a chain of more than eight, or in a circle
 */
export async function followAliases(
  name: string,
  lookUp: LookUp,
  options?: DnsOptions,
): Promise<string> {
  const seen = [name];
  for (let at = name; ;) {
    const next = (await lookUp.cname(at, options))?.toLowerCase().replace(/\.$/, '');
    if (next === undefined) return at;
    if (seen.includes(next) || seen.length > 8)
      throw new DnsError(
        'ERR_DNS_LOOKUP',
        `${name}: its chain of CNAME records goes round in a circle, or is longer than eight: ${[...seen, next].join(' → ')}`,
      );
    seen.push(next);
    at = next;
  }
}

async function zoneAtProvider(
  name: string,
  provider: DnsProvider,
  { lookUp, ...options }: DnsOptions & { readonly lookUp: LookUp },
): Promise<string | undefined> {
  if (provider.zoneOf)
    return await provider.zoneOf(name, {
      ...options,
      guess: async () => {
        try {
          return await zoneInDns(name, lookUp, options);
        } catch {
          options.signal?.throwIfAborted();
          // The host knows its zones without DNS.
          return undefined;
        }
      },
    });
  const zones = ((await provider.zones?.(options)) ?? []).map(canonicalName);
  return namesAbove(canonicalName(name)).find((candidate) => zones.includes(candidate));
}

/** Returns the longest name above a name, or the name itself, that has an SOA record. */
async function zoneInDns(
  name: string,
  lookUp: LookUp,
  options: DnsOptions | undefined,
): Promise<string | undefined> {
  for (const candidate of namesAbove(name))
    if (await lookUp.isZone(candidate, options)) return candidate;
  return undefined;
}
