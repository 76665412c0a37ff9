import { createServer, type Socket } from 'node:net';
import type { Config } from '@acmex/config';
import { expect, it } from '@jest/globals';
import { closeExposed, trustedProxies } from './trusted-proxies.ts';

const config = (proxies: readonly string[]) =>
  ({ values: { server: { trusted_proxies: proxies } } }) as unknown as Config;

it.each([
  ['127.0.0.1', [], false, true],
  ['::1', [], false, true],
  ['::ffff:127.0.0.1', [], false, true],
  ['192.0.2.7', [], false, false],
  ['192.0.2.7', ['192.0.2.7'], true, true],
  ['::ffff:192.0.2.7', ['192.0.2.0/24'], true, true],
  ['192.0.3.7', ['192.0.2.0/24'], false, false],
  ['2001:db8::7', ['2001:db8::/32'], true, true],
  ['2001:db9::7', ['2001:db8::/32'], false, false],
  ['10.1.2.3', ['uniquelocal'], true, true],
  ['', ['192.0.2.0/24'], false, false],
])(
  'a peer %j beside the proxies %j: trusted %j, without TLS %j',
  (address, proxies, trusted, clear) => {
    const { isTrusted, mayConnectInClear } = trustedProxies(() => config(proxies));
    const current = config(proxies);
    const sameConfig = trustedProxies(() => current);
    expect([sameConfig.isTrusted(address), sameConfig.mayConnectInClear(address)]).toEqual([
      trusted,
      clear,
    ]);
    expect([isTrusted(address), mayConnectInClear(address)]).toEqual([trusted, clear]);
  },
);

it('closes connections without TLS that come from elsewhere, by the configuration in effect', () => {
  let current = config(['192.0.2.0/24']);
  const server = createServer();
  closeExposed(
    server,
    trustedProxies(() => current),
  );
  const isClosed = (remoteAddress: string) => {
    let closed = false;
    const socket = {
      remoteAddress,
      destroy: () => {
        closed = true;
      },
    };
    server.emit('connection', socket as unknown as Socket);
    return closed;
  };
  expect(['192.0.2.1', '127.0.0.1', '198.51.100.1'].map(isClosed)).toEqual([false, false, true]);
  current = config(['198.51.100.1']);
  expect(['192.0.2.1', '127.0.0.1', '198.51.100.1'].map(isClosed)).toEqual([true, false, false]);
});
