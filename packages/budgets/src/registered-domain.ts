import { ipVersion, networkOf } from '@acmex/identifier';
import { getDomain } from 'tldts';

/**
 * Returns what a CA counts as the domain of a name, by the whole of the Public Suffix List:
 * `example.co.uk` of `*.www.example.co.uk`, and `you.github.io` of itself. An IPv4 address is its own
 * domain, and so is a network of IPv6: `2001:db8:0:1::/64`. A name without a registered domain, such
 * as `localhost`, is its own.
 */
export function registeredDomain(name: string): string {
  const plain = name.replace(/^\*\./, '');
  if (ipVersion(plain) !== undefined) return networkOf(plain);
  return getDomain(plain, { allowPrivateDomains: true, validateHostname: false }) ?? plain;
}
