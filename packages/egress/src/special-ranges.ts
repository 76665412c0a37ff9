/** Addresses that are not somebody's public host. */
export interface SpecialRange {
  readonly range: string;
  /** Why it is not to be reached; absent where an address inside the address decides. */
  readonly what?: string;
}

/**
 * The IANA special-purpose address registries (RFC 6890) and what clouds add to them, the narrower
 * before the wider. Of IPv6 everything outside of 2000::/3 is special: IANA has given out no other
 * global unicast.
 */
export const specialRanges: readonly SpecialRange[] = [
  { range: '169.254.169.254/32', what: 'the metadata service of a cloud' },
  { range: '169.254.170.2/32', what: 'the metadata service of a cloud' },
  { range: '169.254.170.23/32', what: 'the metadata service of a cloud' },
  { range: '100.100.100.200/32', what: 'the metadata service of a cloud' },
  { range: '168.63.129.16/32', what: 'the metadata service of a cloud' },
  { range: '192.0.0.192/32', what: 'the metadata service of a cloud' },
  { range: 'fd00:ec2::254/128', what: 'the metadata service of a cloud' },
  { range: 'fd00:ec2::23/128', what: 'the metadata service of a cloud' },
  { range: 'fd20:ce::254/128', what: 'the metadata service of a cloud' },
  { range: '0.0.0.0/8', what: 'this network itself (RFC 791)' },
  { range: '10.0.0.0/8', what: 'private (RFC 1918)' },
  { range: '100.64.0.0/10', what: 'shared by carriers (RFC 6598)' },
  { range: '127.0.0.0/8', what: 'loopback (RFC 1122)' },
  { range: '169.254.0.0/16', what: 'link-local (RFC 3927)' },
  { range: '172.16.0.0/12', what: 'private (RFC 1918)' },
  { range: '192.0.0.0/24', what: 'reserved for protocols (RFC 6890)' },
  { range: '192.0.2.0/24', what: 'documentation (RFC 5737)' },
  { range: '192.31.196.0/24', what: 'AS112, where questions end (RFC 7535)' },
  { range: '192.52.193.0/24', what: 'multicast tunnels (RFC 7450)' },
  { range: '192.88.99.0/24', what: '6to4 relays (RFC 7526)' },
  { range: '192.168.0.0/16', what: 'private (RFC 1918)' },
  { range: '192.175.48.0/24', what: 'AS112, where questions end (RFC 7534)' },
  { range: '198.18.0.0/15', what: 'benchmarking (RFC 2544)' },
  { range: '198.51.100.0/24', what: 'documentation (RFC 5737)' },
  { range: '203.0.113.0/24', what: 'documentation (RFC 5737)' },
  { range: '224.0.0.0/4', what: 'multicast (RFC 1112)' },
  { range: '240.0.0.0/4', what: 'reserved (RFC 1112)' },
  { range: '::/128', what: 'unspecified (RFC 4291)' },
  { range: '::1/128', what: 'loopback (RFC 4291)' },
  { range: '64:ff9b::/96' },
  { range: '64:ff9b:1::/48', what: 'local translation to IPv4 (RFC 8215)' },
  { range: '100::/64', what: 'discarded (RFC 6666)' },
  { range: '2001::/32', what: 'a Teredo tunnel to IPv4 (RFC 4380)' },
  { range: '2001::/23', what: 'reserved for protocols (RFC 2928)' },
  { range: '2001:db8::/32', what: 'documentation (RFC 3849)' },
  { range: '2002::/16', what: 'a 6to4 tunnel to IPv4 (RFC 3056)' },
  { range: '2620:4f:8000::/48', what: 'AS112, where questions end (RFC 7534)' },
  { range: '3fff::/20', what: 'documentation (RFC 9637)' },
  { range: '5f00::/16', what: 'segment routing (RFC 9602)' },
  { range: 'fc00::/7', what: 'private (RFC 4193)' },
  { range: 'fe80::/10', what: 'link-local (RFC 4291)' },
  { range: 'fec0::/10', what: 'site-local (RFC 3879)' },
  { range: 'ff00::/8', what: 'multicast (RFC 4291)' },
  { range: '::/3', what: 'no global unicast (RFC 4291)' },
  { range: '4000::/2', what: 'no global unicast (RFC 4291)' },
  { range: '8000::/1', what: 'no global unicast (RFC 4291)' },
];
