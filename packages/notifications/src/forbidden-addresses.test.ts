import { dnsResolver, type Resolve, systemResolver } from '@acmex/egress';
import { describe, expect, it } from '@jest/globals';
import dnsPacket from 'dns-packet';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { email, webhook } from './index.ts';
import { eventNotification } from './notification.ts';

const notification = eventNotification({
  id: 'evt_01kax2b0000000000000000001',
  type: 'renewal_failed',
  time: '2026-11-28T10:00:00Z',
});

/** Forms of addresses that no receiver may have, as a person or an attacker writes them. */
const hosts: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1', '127.0.0.1.', '127.255.255.254', '127.1', '127.0.1', '[::1]'],
  decimal: ['2130706433', '3232235521', '2852039166', '0'],
  octal: ['0177.0.0.1', '017700000001', '0300.0250.0.1', '0251.0376.0251.0376', '00.00.00.00'],
  hexadecimal: ['0x7f000001', '0x7f.1', '0x7f.0x0.0x0.0x1', '0xc0a80001', '0xA9FEA9FE', '0x0'],
  short: ['10.1', '192.168.257', '169.254.43518', '172.1048577'],
  'other scripts': ['①②⑦.⓪.⓪.①', '１２７.０.０.１', '127。0。0。1', '१२७.०.०.१'],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  'of carriers': ['100.64.0.1', '100.127.255.255'],
  'link-local': ['169.254.0.1', '[fe80::1]', '[febf::1]'],
  metadata: [
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '[fd00:ec2::254]',
  ],
  multicast: ['224.0.0.1', '239.255.255.250', '[ff02::1]', '[ff0e::1]'],
  broadcast: ['255.255.255.255', '4294967295'],
  unspecified: ['0.0.0.0', '[::]', '[0:0:0:0:0:0:0:0]'],
  reserved: ['0.1.2.3', '240.0.0.1', '192.0.0.1', '192.88.99.1', '198.18.0.1', '198.19.255.255'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '[2001:db8::1]', '[3fff::1]'],
  'unique local': ['[fc00::1]', '[fd12:3456:789a::1]', '[fec0::1]'],
  'IPv4-mapped': ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:169.254.169.254]'],
  'IPv4-compatible': ['[::127.0.0.1]', '[::7f00:1]', '[::ffff:0:127.0.0.1]'],
  NAT64: ['[64:ff9b::127.0.0.1]', '[64:ff9b::a9fe:a9fe]', '[64:ff9b:1::7f00:1]'],
  '6to4': ['[2002:7f00:1::]', '[2002:a9fe:a9fe::1]', '[2002:c0a8:1::1]'],
  Teredo: ['[2001:0:4136:e378:8000:63bf:80ff:fffe]', '[2001::1]'],
  'names of this machine': ['localhost', 'LOCALHOST', 'localhost.', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ'],
};
const forms = Object.entries(hosts).flatMap(([kind, all]) => all.map((host) => [host, kind]));
/** A mail server is written without brackets; no URL has an address with a zone. */
const mailForms = [
  ...forms.map(([host = '', kind]) => [host.replace(/^\[(.*)\]$/, '$1'), kind]),
  ['fe80::1%eth0', 'an address with a zone'],
  ['::1%lo', 'an address with a zone'],
  ['::FFFF:127.0.0.1', 'IPv4-mapped'],
];

/** Reads numbers as the system does, and finds for any other name what an attacker answers. */
const resolver: Resolve = async (name, options) =>
  /^(?:localhost|[\dxa-f.]*[\dxa-f])$/i.test(name)
    ? await systemResolver()(name, options)
    : ['127.0.0.1', '::1'];

describe('a webhook', () => {
  it.each(forms)('is not sent to %s, which is %s', async (host = '') => {
    const channel = webhook({ url: async () => `https://${host}/hooks`, resolver });
    await expect(channel.send(notification)).rejects.toMatchObject({ code: 'ERR_EGRESS_ADDRESS' });
  });
  it.each(['fe80::1%25eth0', 'fe80::1%eth0', '::1%lo', '::1%25lo'])(
    'is not sent to [%s], an address with a zone',
    async (address) => {
      const channel = webhook({ url: async () => `https://[${address}]/hooks`, resolver });
      await expect(channel.send(notification)).rejects.toMatchObject({
        code: 'ERR_NOTIFICATIONS_URL',
      });
    },
  );
});

describe('a mail', () => {
  it.each(mailForms)('is not sent to %s, which is %s', async (host = '') => {
    const channel = email({
      ...{ host, port: 25, resolver },
      ...{ from: 'a@example.com', to: ['b@example.com'] },
    });
    await expect(channel.send(notification)).rejects.toMatchObject({ code: 'ERR_EGRESS_ADDRESS' });
  });
});

/**
 * Starts an authoritative server whose first answer is one address, and every later one another,
 * with no time to live: DNS rebinding.
 */
async function rebindingServer(first: string, later: string) {
  let lookups = 0;
  const socket = createSocket('udp4', (message, { port, address }) => {
    const { id, questions = [] } = dnsPacket.decode(message);
    const [{ name, type } = { name: '', type: 'A' }] = questions;
    const data = lookups === 0 ? first : later;
    if (type === 'A') lookups += 1;
    const answers = type === 'A' ? [{ type: 'A' as const, name, ttl: 0, data }] : [];
    const flags = dnsPacket.AUTHORITATIVE_ANSWER;
    const response = dnsPacket.encode({ type: 'response', id, flags, questions, answers });
    socket.send(response, port, address);
  });
  await once(socket.bind(0, '127.0.0.1'), 'listening');
  return {
    resolver: dnsResolver({ servers: [`127.0.0.1:${socket.address().port}`] }),
    get lookups() {
      return lookups;
    },
    [Symbol.dispose]: () => {
      socket.close();
    },
  };
}

/** Starts a server on an address of this machine, which counts its connections. */
async function listener(address: string, port = 0) {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await once(server.listen(port, address), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

describe('a name whose address changes after it was checked', () => {
  const channels = {
    webhook: (port: number, options: object) =>
      webhook({ url: async () => `https://rebind.test:${port}/`, ...options }),
    mail: (port: number, options: object) =>
      email({
        ...{ host: 'rebind.test', port, from: 'a@example.com', to: ['b@example.com'] },
        ...options,
      }),
  };

  it.each(['webhook', 'mail'] as const)(
    'leads a %s to the address that was checked, and never to loopback',
    async (kind) => {
      // 127.0.0.2 has the part of the public address: it is permitted, 127.0.0.1 is not.
      await using permitted = await listener('127.0.0.2');
      await using forbidden = await listener('127.0.0.1', permitted.port);
      using dns = await rebindingServer('127.0.0.2', '127.0.0.1');
      const options = { resolver: dns.resolver, allow: ['127.0.0.2'] };
      const channel = channels[kind](permitted.port, options);
      const failureOf = async () =>
        await channel.send(notification).catch((error: { code?: string }) => error.code);
      await expect(failureOf()).resolves.not.toBe('ERR_EGRESS_ADDRESS');
      expect({ lookups: dns.lookups, reached: permitted.connections }).toEqual({
        lookups: 1,
        reached: 1,
      });
      await expect(failureOf()).resolves.toBe('ERR_EGRESS_ADDRESS');
      expect({ lookups: dns.lookups, reached: permitted.connections }).toEqual({
        lookups: 2,
        reached: 1,
      });
      expect(forbidden.connections).toBe(0);
    },
  );
});
