import { isIP } from 'node:net';

/** The 4 or 16 bytes of an IP address; `undefined` for what is none, and for one with a zone. */
export function addressBytes(address: string): Uint8Array | undefined {
  switch (address.includes('%') ? 0 : isIP(address)) {
    case 4:
      return Uint8Array.from(address.split('.').map(Number));
    case 6:
      return ipv6Bytes(address);
    default:
      return undefined;
  }
}

/**
 * The name under in-addr.arpa or ip6.arpa of an address. RFC 1035 §3.5, RFC 3596 §2.5
 */
export function reverseName(address: string): string | undefined {
  const bytes = addressBytes(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4
    ? `${[...bytes].reverse().join('.')}.in-addr.arpa`
    : `${[...Buffer.from(bytes).toString('hex')].reverse().join('.')}.ip6.arpa`;
}

function ipv6Bytes(address: string): Uint8Array {
  // The URL parser turns an IPv4 tail into two groups.
  const [head = [], tail = []] = new URL(`http://[${address}]`).hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const groups = [
    ...head,
    ...Array.from({ length: 8 - head.length - tail.length }, () => '0'),
    ...tail,
  ];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
