import type { NameFault } from './errors.ts';
import { canonicalHost } from './canonical-host.ts';

const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = new RegExp(`^${octet}(\\.${octet}){3}$`);

/**
 * Returns the version of an IP address.
 * @param text an address without brackets, port and zone
 * @returns `undefined` for a text that is not an IP address
 */
export function ipVersion(text: string): 4 | 6 | undefined {
  if (ipv4.test(text)) return 4;
  return ipv6Host(text) === undefined ? undefined : 6;
}

/**
 * Returns the canonical text of an IP address: RFC 5952, lower case, no brackets.
 * @param text an address, also an IPv6 address in brackets
 */
export function canonicalAddress(text: string): string | NameFault {
  if (!text.includes(':'))
    return ipv4.test(text)
      ? text
      : {
          problem: 'is not a valid IPv4 address',
          remedy:
            'write four decimal numbers from 0 to 255 without leading zeros, such as 192.0.2.1',
        };
  const address = ipv6Host(text.replace(/^\[(.*)\]$/s, '$1'));
  return address ?? ipv6Fault(text);
}

/**
 * Returns the network that one client can be expected to have, for limits per client: a whole IPv4
 * address, also where IPv6 maps it (RFC 4291 §2.5.5.2), or the first 64 bits of an IPv6 address,
 * which a single machine can have as a whole (RFC 4291 §2.5.1).
 * @param address in any spelling, also in brackets and with a zone
 * @returns `192.0.2.1`, or `2001:db8:0:1::/64`; a text that is not an address, as it is
 */
export function networkOf(address: string): string {
  const host = ipv6Host(address.replace(/^\[(.*)\]$/s, '$1').replace(/%.*$/s, ''));
  if (host === undefined) return address;
  const groups = ipv6Groups(host);
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/**
 * Whether a host can only be this machine: `localhost` in any case (RFC 6761 §6.3), 127.0.0.0/8,
 * ::1, and an address of 127.0.0.0/8 that IPv6 maps. Names below `localhost` do not count, because
 * some resolvers ask the network for them.
 * @param host a name, or an address in any spelling, also in brackets
 */
export function isLoopback(host: string): boolean {
  if (/^localhost\.?$/i.test(host)) return true;
  const network = networkOf(host);
  if (ipVersion(network) === 4) return network.startsWith('127.');
  return ipv6Host(host.replace(/^\[(.*)\]$/s, '$1')) === '::1';
}

/** Returns the eight groups of a canonical IPv6 address. */
function ipv6Groups(host: string): readonly number[] {
  const [head = [], tail = []] = host
    .split('::')
    .map((half) => half.split(':').flatMap((group) => (group === '' ? [] : [parseInt(group, 16)])));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  return [...head, ...zeros, ...tail];
}

function ipv6Host(text: string): string | undefined {
  return /^[0-9a-f:.]+$/i.test(text) && text.includes(':')
    ? canonicalHost(`[${text}]`)?.slice(1, -1)
    : undefined;
}

function ipv6Fault(text: string): NameFault {
  if (text.includes('://')) return { problem: 'is a URL', remedy: 'write the name alone' };
  if (/^([^:]+|\[.*\]):\d+$/s.test(text))
    return { problem: 'has a port', remedy: 'write the name alone' };
  if (text.includes('%'))
    return {
      problem: 'has a zone, which is valid on a single machine only',
      remedy: 'write the address without % and what follows it',
    };
  return {
    problem: 'is neither a domain name nor a valid IPv6 address',
    remedy: 'write it as example.com or 2001:db8::1',
  };
}

/**
 * Whether an address is reachable on the internet, by the special-purpose registries of IANA. RFC
 * 6890
 */
export function isPublicAddress(address: string): boolean {
  return address.includes(':') ? isPublicIpv6(address) : isPublicIpv4(address);
}

/** Special-purpose networks: the first address and the length of the prefix in bits. */
const specialIpv4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

function isPublicIpv4(address: string): boolean {
  const bits = ipv4Bits(address);
  return !specialIpv4.some(
    ([network, length]) => bits >>> (32 - length) === ipv4Bits(network) >>> (32 - length),
  );
}

function ipv4Bits(address: string): number {
  return address.split('.').reduce((bits, octetText) => bits * 256 + Number(octetText), 0);
}

/**
 * Global unicast is 2000::/3; within it 2001::/23, 2001:db8::/32, 2002::/16 and 3fff::/20 are
 * special.
 */
function isPublicIpv6(address: string): boolean {
  const [first = 0, second = 0] = address.split(':').map((group) => parseInt(group || '0', 16));
  if (first < 0x2000 || first > 0x3fff || first === 0x2002) return false;
  if (first === 0x2001) return second >= 0x200 && second !== 0xdb8;
  return first !== 0x3fff || second >= 0x1000;
}
