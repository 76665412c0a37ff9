import { DnsError } from '@acmex/dns';

/** The place of a zone in Azure Resource Manager. */
export interface ZonePlace {
  readonly subscription: string;
  readonly group: string;
  readonly name: string;
}

/** @throws DnsError `ERR_DNS_API` for what is not an id of a zone */
export function placeOf(id: string): ZonePlace {
  const [, subscription, group, name] =
    /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Network\/(?:private)?dnsZones\/([^/]+)$/i.exec(
      id,
    ) ?? [];
  if (subscription !== undefined && group !== undefined && name !== undefined)
    return { subscription, group, name };
  throw new DnsError(
    'ERR_DNS_API',
    `azure: ${JSON.stringify(id).slice(0, 200)} is not an id of a zone: see whether azure has trouble, or has changed its API`,
  );
}

/**
 * The path and query of a next page. Its host is not asked: the access token goes to Azure Resource
 * Manager alone.
 */
export function pathIn(nextLink: string): string {
  const [, path] = /^https:\/\/[^/]+(\/.*)$/s.exec(nextLink) ?? [];
  if (path !== undefined) return path;
  throw new DnsError(
    'ERR_DNS_API',
    `azure: ${JSON.stringify(nextLink).slice(0, 200)} is not a link to a next page: see whether azure has trouble, or has changed its API`,
  );
}
