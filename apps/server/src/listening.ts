import { isLoopback, parseListenAddress, urlHost } from '@acmex/identifier';
import { hostname, networkInterfaces } from 'node:os';
import type { Config } from '@acmex/config';
import { listenFailureText } from '@acmex/errors';
import { ServerError } from './errors.ts';
import type { Role } from './team/role.ts';

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
  /** As it is configured. */
  readonly text: string;
}

/** Where a process of this role listens; undefined for a worker that answers nothing. */
export function listenAddress(
  role: Role,
  {
    values: {
      server: { listen_addr: api, worker_listen_addr: worker },
    },
  }: Config,
): ListenAddress | undefined {
  const text = role === 'worker' ? worker : api;
  return text === undefined ? undefined : { ...parseListenAddress(text), text };
}

/** @throws ServerError `ERR_SERVER_EXPOSED` */
export function assertPrivate(
  {
    values: {
      server: { tls, trusted_proxies: proxies },
    },
  }: Config,
  { host, text: place }: ListenAddress,
): void {
  if ((host !== undefined && isLoopback(host)) || tls || proxies.length > 0) return;
  throw new ServerError(
    'ERR_SERVER_EXPOSED',
    `${place} can be reached from other machines, and keys would pass in clear: configure server.tls, or server.trusted_proxies where a proxy ends TLS, or listen on 127.0.0.1`,
  );
}

/**
 * Names of the configuration, of this machine, and those that reach no other. A name without a port
 * means every port.
 */
export function hostCheck(config: () => Config): (host: string) => boolean {
  const machine = [
    hostname().toLowerCase(),
    'localhost',
    ...Object.values(networkInterfaces()).flatMap((all = []) =>
      all.map(({ address }) => urlHost(address)),
    ),
  ];
  const named = new WeakMap<Config, ReadonlySet<string>>();
  const namesIn = (current: Config): ReadonlySet<string> => {
    const { hosts, tls, listen_addr: place } = current.values.server;
    const all =
      named.get(current) ??
      new Set(
        [
          ...machine,
          urlHost(parseListenAddress(place).host ?? 'localhost'),
          ...hosts,
          ...(tls?.managed === undefined ? [] : [tls.managed]),
        ].map((name) => name.toLowerCase()),
      );
    named.set(current, all);
    return all;
  };
  // Nearly all requests use the same name.
  let accepted: { readonly host: string; readonly config: Config } | undefined;
  return (host) => {
    const current = config();
    if (accepted?.host === host && accepted.config === current) return true;
    const all = namesIn(current);
    const isNamed = all.has(host) || all.has(host.replace(/:\d+$/, ''));
    if (isNamed) accepted = { host, config: current };
    return isNamed;
  };
}

export function cannotListen(place: string, cause: unknown): ServerError {
  return new ServerError(
    'ERR_SERVER_LISTEN',
    `${place} cannot be listened on: ${listenFailureText(cause)}`,
    { cause },
  );
}
