import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { EgressError } from './errors.ts';
import { specialRanges } from './special-ranges.ts';

export interface AddressPolicyOptions {
  /**
   * Special ranges to be reached all the same: `10.0.0.0/8`, `fd12:3456::/32`, `127.0.0.1`. Each
   * opens what it names and no more: `10.0.0.0/8` no loopback, `169.254.0.0/16` no metadata
   * service, whose exact address must be listed here.
   */
  readonly allow?: readonly string[];
  /** Ranges that are never reached, whatever `allow` says. */
  readonly deny?: readonly string[];
}

/** Decides which addresses may be reached: by default, public addresses only. */
export interface AddressPolicy {
  /**
   * Why an address may not be reached, to be read after its name: "is loopback (RFC 1122)";
   * `undefined` where it may.
   */
  refusal(address: string): string | undefined;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
interface Range {
  readonly text: string;
  readonly start: Address;
  readonly bits: number;
}

const special = specialRanges.map(({ range, what }) => ({ ...parsed(range), what }));

/**
 * Global unicast addresses, and what is allowed besides. IPv4 inside of IPv6 (mapped, NAT64, 6to4,
 * Teredo) is looked at as well.
 * @throws EgressError `ERR_EGRESS_POLICY` for a malformed range, and for a range in `allow` that
 * would open nothing or more than one kind
 */
export function addressPolicy({ allow = [], deny = [] }: AddressPolicyOptions = {}): AddressPolicy {
  const denied = deny.map(parsed);
  const allowed = allow.map(parsed).map((range) => {
    if (special.find((kind) => within(range, kind))?.what !== undefined) return range;
    throw new EgressError(
      'ERR_EGRESS_POLICY',
      `allow ${range.text}: it is not inside a special range, so it is open already or is too wide; name the private ranges one by one, such as 10.0.0.0/8`,
    );
  });

  const refusal = (address: Address): string | undefined => {
    const never = denied.find((range) => contains(range, address));
    if (never) return `is denied by ${never.text}`;
    const kind = special.find((range) => contains(range, address));
    return kind?.what === undefined ||
      allowed.some((range) => within(range, kind) && contains(range, address))
      ? undefined
      : `is ${kind.what}`;
  };
  return {
    refusal(text) {
      // What has a zone (fe80::1%eth0) is an address on one link only.
      if (isIP(text) === 0 || text.includes('%')) return 'is not an IP address';
      const address = plain(read(text));
      const inner = embedded(address);
      return refusal(address) ?? (inner === undefined ? undefined : refusal(inner));
    },
  };
}

function contains({ start, bits }: Range, address: Address): boolean {
  return start.kind() === address.kind() && address.match(start, bits);
}

function within(inner: Range, outer: Range): boolean {
  return inner.bits >= outer.bits && contains(outer, inner.start);
}

function parsed(text: string): Range {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = address.includes('%') ? 0 : isIP(address);
  const width = version === 4 ? 32 : 128;
  const bits = prefix === undefined ? width : Number(prefix);
  if (version === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix ?? '0') || bits > width) {
    throw new EgressError(
      'ERR_EGRESS_POLICY',
      `${JSON.stringify(text.slice(0, 100))} is not a range of addresses: write 10.0.0.0/8, fd00::/8 or one address`,
    );
  }
  const start = read(address);
  const mapped = plain(start);
  return mapped.kind() === start.kind() || bits < 96
    ? { text, start, bits }
    : { text, start: mapped, bits: bits - 96 };
}

/**
 * An address in any text that Node takes. The URL parser writes IPv6 in hexadecimal: ipaddr.js
 * takes `::192.0.2.1` for a mapped address, which it is not.
 */
function read(text: string): Address {
  return ipaddr.parse(isIP(text) === 6 ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text);
}

/** ::ffff:192.0.2.1 is 192.0.2.1 for a socket. RFC 4291 §2.5.5.2 */
function plain(address: Address): Address {
  return address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress()
    ? (address as ipaddr.IPv6).toIPv4Address()
    : address;
}

/**
 * The IPv4 address that a translator or tunnel sends to: NAT64 (RFC 6052 §2.2), 6to4 (RFC 3056 §2),
 * Teredo (RFC 4380 §4).
 */
function embedded(address: Address): Address | undefined {
  const [first, second, ...rest] = 'parts' in address ? address.parts : [];
  const bytes = address.toByteArray();
  if (first === 0x64 && second === 0xff9b && rest.slice(0, 4).every((part) => part === 0))
    return new ipaddr.IPv4(bytes.slice(12));
  if (first === 0x2002) return new ipaddr.IPv4(bytes.slice(2, 6));
  if (first === 0x2001 && second === 0)
    return new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff));
  return undefined;
}
