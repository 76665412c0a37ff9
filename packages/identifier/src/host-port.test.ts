import { describe, expect, it } from '@jest/globals';
import { formatHostPort, isLoopback, parseListenAddress, parseHostPort, urlHost } from './index.ts';

describe('parseHostPort', () => {
  it.each([
    ['ca.example.com:443', 'ca.example.com', 443],
    ['192.0.2.1:53', '192.0.2.1', 53],
    ['[2001:db8::1]:65535', '2001:db8::1', 65_535],
    ['localhost:1', 'localhost', 1],
  ])('reads %s', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  it.each([
    'example.com',
    'example.com:',
    'example.com:0',
    'example.com:65536',
    'example.com:http',
    '2001:db8::1',
    '2001:db8::1:443',
    '[2001:db8::1]',
    '[example.com]:443',
    '[1:2]:443',
    'two words:443',
    'example.com/path:443',
    '/example.com:443',
    ':443',
    '',
  ])('refuses %j', (text) => {
    expect(parseHostPort(text)).toBeUndefined();
  });

  it.each([
    ['ns1.example.com', 'ns1.example.com', 53],
    ['2001:db8::1', '2001:db8::1', 53],
    ['[2001:db8::1]', '2001:db8::1', 53],
    ['[2001:db8::1]:5353', '2001:db8::1', 5353],
  ])('reads %s where there is a default port', (text, host, port) => {
    expect(parseHostPort(text, { defaultPort: 53 })).toEqual({ host, port });
  });

  it('refuses a path where there is a default port', () => {
    expect(parseHostPort('ns1.example.com/path', { defaultPort: 53 })).toBeUndefined();
  });

  it('allows port 0 for an address to listen on', () => {
    expect(parseHostPort('[::1]:0', { lowestPort: 0 })).toEqual({ host: '::1', port: 0 });
  });
});

describe('urlHost and formatHostPort', () => {
  it.each([
    ['2001:db8::1', '[2001:db8::1]'],
    ['::', '[::]'],
    ['::ffff:192.0.2.1', '[::ffff:192.0.2.1]'],
    ['fe80::1%eth0', '[fe80::1%eth0]'],
    ['[::1]', '[::1]'],
    ['192.0.2.1', '192.0.2.1'],
    ['ca.example.com', 'ca.example.com'],
    ['localhost', 'localhost'],
  ])('write %s as %s', (host, written) => {
    expect([urlHost(host), formatHostPort({ host, port: 53 })]).toEqual([written, `${written}:53`]);
  });

  it('write what parseHostPort and URLs read', () => {
    for (const host of ['2001:db8::1', '::1', '192.0.2.1', 'ca.example.com']) {
      expect(parseHostPort(formatHostPort({ host, port: 53 }))).toEqual({ host, port: 53 });
      expect(new URL(`http://${urlHost(host)}:53/`).hostname).toBe(urlHost(host));
    }
  });
});

describe('isLoopback', () => {
  it.each([
    ...['localhost', 'LOCALHOST', 'localhost.', '127.0.0.1', '127.255.0.9', '::1', '[::1]'],
    ...['0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '[::ffff:7f00:1]'],
  ])('says yes to %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    ...['example.com', 'localhost.example.com', 'a.localhost', '127.example.com', '127.0.0.1.test'],
    ...[
      '128.0.0.1',
      '10.127.0.1',
      '0.0.0.0',
      '127.1',
      '127.0.0.256',
      '',
      '::',
      '::2',
      '2001:db8::1',
    ],
    ...[
      '::127.0.0.1',
      '::ffff:10.0.0.1',
      '::1:0:0:0',
      '127.0.0.1:80',
      'localhost:80',
      '[127.0.0.1]',
    ],
  ])('says no to %j', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe('parseListenAddress', () => {
  it('has no host where it means all addresses', () => {
    expect(parseListenAddress('[::]:80')).toEqual({ host: undefined, port: 80 });
    expect(parseListenAddress('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 });
  });
  it('refuses what is not an address with a port', () => {
    expect(() => parseListenAddress('localhost')).toThrow('"localhost" is not a valid HOST:PORT');
  });
});
