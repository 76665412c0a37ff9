import { describe, expect, it } from '@jest/globals';
import { parseListenAddress, parseHostPort } from './index.ts';

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

describe('parseListenAddress', () => {
  it('has no host where it means all addresses', () => {
    expect(parseListenAddress('[::]:80')).toEqual({ host: undefined, port: 80 });
    expect(parseListenAddress('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 });
  });
  it('refuses what is not an address with a port', () => {
    expect(() => parseListenAddress('localhost')).toThrow('"localhost" is not a valid HOST:PORT');
  });
});
