import { getPublicSuffix } from 'tldts';

/**
 * Returns whether independent people register names directly below a domain, by the whole of the
 * Public Suffix List: `co.uk`, and also `github.io`.
 */
export function isPublicSuffix(domain: string): boolean {
  return getPublicSuffix(domain, { allowPrivateDomains: true }) === domain;
}
