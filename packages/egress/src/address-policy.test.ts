import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressPolicy } from './index.ts';

describe('addressPolicy', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '11.0.0.0',
    '2606:4700:4700::1111',
    '2a00:1450:4001::8',
    '64:ff9b::808:808',
    '::ffff:8.8.8.8',
  ])('lets %s be reached', (address) => {
    expect(addressPolicy().refusal(address)).toBeUndefined();
  });
  it.each([
    ['0.0.0.0', 'this network'],
    ['0.1.2.3', 'this network'],
    ['10.0.0.1', 'private'],
    ['10.255.255.255', 'private'],
    ['100.64.0.1', 'carriers'],
    ['100.100.100.200', 'metadata'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['168.63.129.16', 'metadata'],
    ['169.254.0.1', 'link-local'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.1', 'protocols'],
    ['192.0.0.192', 'metadata'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:a9fe:a9fe', 'metadata'],
    ['::127.0.0.1', 'global unicast'],
    ['::ffff:0:127.0.0.1', 'global unicast'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['64:ff9b:1::1', 'translation'],
    ['100::1', 'discarded'],
    ['2001::1', 'Teredo'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'Teredo'],
    ['2001:2::1', 'protocols'],
    ['2001:20::1', 'protocols'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['2002:808:808::1', '6to4'],
    ['3fff::1', 'documentation'],
    ['5f00::1', 'segment'],
    ['fc00::1', 'private'],
    ['fd00:ec2::254', 'metadata'],
    ['fd12:3456::1', 'private'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['4000::1', 'global unicast'],
    ['1::1', 'global unicast'],
    ['9000::1', 'global unicast'],
    ['fe80::1%eth0', 'not an IP address'],
    ['fe80::1%25lo', 'not an IP address'],
    ['2606:4700::1%lo', 'not an IP address'],
    ['010.0.0.1', 'not an IP address'],
    ['0x7f.0.0.1', 'not an IP address'],
    ['2130706433', 'not an IP address'],
    ['127.1', 'not an IP address'],
    ['[::1]', 'not an IP address'],
    ['', 'not an IP address'],
    [' 8.8.8.8', 'not an IP address'],
    ['8.8.8.8\n', 'not an IP address'],
    ['example.com', 'not an IP address'],
  ])('refuses %s: %s', (address, why) => {
    expect(addressPolicy().refusal(address)).toContain(why);
  });
  it('opens with `allow` what an entry names, and nothing inside of it that is more dangerous', () => {
    const { refusal } = addressPolicy({
      allow: ['10.0.0.0/8', '169.254.0.0/16', 'fc00::/7', '127.0.0.2', '::ffff:192.168.0.0/120'],
    });
    expect(
      [
        '10.1.2.3',
        '::ffff:10.1.2.3',
        '64:ff9b::10.1.2.3',
        '169.254.1.1',
        'fd12::1',
        '127.0.0.2',
        '192.168.0.7',
      ].map(refusal),
    ).toEqual(Array.from({ length: 7 }, () => undefined));
    expect(
      ['169.254.169.254', 'fd00:ec2::254', '127.0.0.1', '192.168.1.1', '172.16.0.1', '::1'].map(
        (address) => refusal(address) === undefined,
      ),
    ).toEqual(Array.from({ length: 6 }, () => false));
    expect(
      addressPolicy({ allow: ['169.254.169.254/32'] }).refusal('169.254.169.254'),
    ).toBeUndefined();
  });
  it('denies before it allows, and what a tunnel or translator would send to a denied address', () => {
    const { refusal } = addressPolicy({
      allow: ['10.0.0.0/8', '2002::/16', '2001::/32'],
      deny: ['10.9.0.0/16', '8.8.8.0/24', '2606:4700::/32'],
    });
    expect(
      [
        '10.9.1.1',
        '8.8.8.8',
        '::ffff:8.8.8.8',
        '64:ff9b::8.8.8.8',
        '2002:808:808::1',
        '2001:0:1:1:0:0:f7f7:f7f7',
        '2606:4700::1',
      ].map(refusal),
    ).toEqual(
      [
        '10.9.0.0/16',
        '8.8.8.0/24',
        '8.8.8.0/24',
        '8.8.8.0/24',
        '8.8.8.0/24',
        '8.8.8.0/24',
        '2606:4700::/32',
      ].map((range) => `is denied by ${range}`),
    );
    expect([refusal('10.8.1.1'), refusal('2002:101:101::1'), refusal('2002:7f00:1::1')]).toEqual([
      undefined,
      undefined,
      'is loopback (RFC 1122)',
    ]);
  });
  it.each([
    '0.0.0.0/0',
    '::/0',
    '::/1',
    '8.8.8.0/24',
    '192.0.0.0/8',
    '64:ff9b::/96',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10/8',
    '010.0.0.0/8',
    'fe80::1%lo',
    'example.com',
    '',
  ])('takes no "%s" to allow', (range) => {
    expect(() => addressPolicy({ allow: [range] })).toThrow(
      expect.objectContaining({ code: 'ERR_EGRESS_POLICY' }),
    );
  });
  it('judges an IPv4 address equally in each of its IPv6 forms', () => {
    const { refusal } = addressPolicy({
      allow: ['10.0.0.0/8'],
      deny: ['10.1.0.0/16', '9.0.0.0/8'],
    });
    const octet = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 9, 10, 127, 169, 172, 192, 254, 255));
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), (octets) => {
        const address = octets.join('.');
        expect([refusal(`::ffff:${address}`), refusal(`64:ff9b::${address}`)]).toEqual([
          refusal(address),
          refusal(address),
        ]);
      }),
    );
  });
});
