import type { Server, Socket } from 'node:net';
import type { Config } from '@acmex/config';
import proxyAddress from '@fastify/proxy-addr';

export interface TrustedProxies {
  /** Returns whether the headers of a peer name the caller's address. */
  isTrusted(address: string): boolean;
  /** Returns whether a peer may connect without TLS: a trusted proxy, or this machine. */
  mayConnectInClear(address: string): boolean;
}

/** Returns `server.trusted_proxies` of the configuration that is in effect. */
export function trustedProxies(config: () => Config): TrustedProxies {
  const compiled = new WeakMap<Config, TrustedProxies>();
  const current = () => {
    const latest = config();
    const proxies = compiled.get(latest) ?? compile(latest.values.server.trusted_proxies);
    compiled.set(latest, proxies);
    return proxies;
  };
  return {
    isTrusted: (address) => current().isTrusted(address),
    mayConnectInClear: (address) => current().mayConnectInClear(address),
  };
}

/** Closes connections without TLS from other machines, except from the proxies that end TLS. */
export function closeExposed(server: Server, proxies: TrustedProxies): void {
  server.on('connection', (socket: Socket) => {
    if (!proxies.mayConnectInClear(socket.remoteAddress ?? '')) socket.destroy();
  });
}

function compile(proxies: readonly string[]): TrustedProxies {
  const named = proxyAddress.compile([...proxies]);
  const clear = proxyAddress.compile(['loopback', ...proxies]);
  return {
    isTrusted: (address) => proxies.length > 0 && named(address, 0),
    mayConnectInClear: (address) => clear(address, 0),
  };
}
