import type { ConnectionOptions } from 'node:tls';
import { formatHostPort, isLoopback } from '@acmex/identifier';
import { StorageError } from '@acmex/storage';

/** The address of a Redis server. */
export interface Address {
  readonly host: string;
  /** 6379 by default, 26379 for a sentinel. */
  readonly port?: number | undefined;
}

/** Which Redis to use: a single server, the master behind sentinels, or a Cluster. */
export type RedisPlace =
  /** `redis://[username[:password]@]host[:port][/database]`; `rediss://` for TLS. */
  | { readonly url: string }
  | (Address & { readonly database?: number | undefined })
  | {
      readonly sentinels: readonly Address[];
      /** The sentinels' name of the master. */
      readonly master: string;
      readonly sentinelUsername?: string | undefined;
      readonly sentinelPassword?: string | undefined;
      readonly database?: number | undefined;
    }
  /** Nodes of a Cluster; it is enough if a single node is reachable. */
  | { readonly nodes: readonly Address[] };

export interface Access {
  /** An ACL user; the default user if absent. */
  readonly username?: string | undefined;
  /**
   * The password, or a function that returns it; called on every connection, so that it may change.
   */
  readonly password?: string | (() => Promise<string>) | undefined;
  /** `true`: TLS with the CAs that Node.js trusts. Also used for sentinels. */
  readonly tls?: boolean | ConnectionOptions | undefined;
}

/** The normalized form of a `RedisPlace` with its access options. */
export interface RedisTarget extends Access {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  readonly addresses: readonly Required<Address>[];
  readonly database: number;
  readonly master: string;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

/**
 * Normalizes a place and its access options.
 *
 * @throws StorageError `ERR_STORAGE_PLACE`
 */
export function targetOf(place: RedisPlace & Access): RedisTarget {
  const { username, password, tls } = place;
  const common = {
    username,
    password,
    tls,
    database: 'database' in place ? (place.database ?? 0) : 0,
    master: '',
  };
  if ('url' in place) return { ...common, ...fromUrl(place.url, place) };
  if ('nodes' in place)
    return { ...common, kind: 'cluster', addresses: withPort(place.nodes, 6379) };
  if ('sentinels' in place) {
    const { master, sentinelUsername, sentinelPassword } = place;
    return {
      ...common,
      kind: 'sentinel',
      master,
      sentinelUsername,
      sentinelPassword,
      addresses: withPort(place.sentinels, 26379),
    };
  }
  return { ...common, kind: 'server', addresses: withPort([place], 6379) };
}

function withPort(addresses: readonly Address[], port: number): readonly Required<Address>[] {
  if (addresses.length === 0)
    throw new StorageError(
      'ERR_STORAGE_PLACE',
      'no address of a Redis is configured: add at least one',
    );
  return addresses.map((address) => ({ host: address.host, port: address.port ?? port }));
}

/** Parses the URL. No error message contains it, because it may include a password. */
function fromUrl(
  text: string,
  access: Access,
): Access & Pick<RedisTarget, 'kind' | 'addresses' | 'database'> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = Number(url?.pathname.slice(1) ?? 0);
  if (
    !url ||
    !['redis:', 'rediss:'].includes(url.protocol) ||
    url.hostname === '' ||
    url.search !== '' ||
    !Number.isInteger(database)
  ) {
    throw new StorageError(
      'ERR_STORAGE_PLACE',
      'the URL of Redis is not valid: use redis://host:port/database, or rediss:// for TLS, and separate options for everything else',
    );
  }
  return {
    kind: 'server',
    database,
    addresses: [{ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }],
    username: access.username ?? (decodeURIComponent(url.username) || undefined),
    password: access.password ?? (decodeURIComponent(url.password) || undefined),
    tls: access.tls || url.protocol === 'rediss:',
  };
}

/**
 * Returns the address and the access data for a different client of the same Redis.
 *
 * @param options `allowPlaintextConnection` as in `redisStorage`
 * @throws StorageError `ERR_STORAGE_PLACE`
 */
export function redisTarget(
  place: RedisPlace & Access,
  {
    allowPlaintextConnection = false,
  }: { readonly allowPlaintextConnection?: boolean | undefined } = {},
): RedisTarget {
  const target = targetOf(place);
  if (!allowPlaintextConnection) checkAddresses(target);
  return target;
}

/**
 * Refuses a connection over a network without TLS or without a password or client certificate.
 * Called for each address, also for those that sentinels and nodes return.
 *
 * @throws StorageError `ERR_STORAGE_PLACE`
 */
export function checkedAddress(
  { host, port }: Required<Address>,
  { tls, password }: RedisTarget,
): void {
  if (isLoopback(host)) return;
  const certified = typeof tls === 'object' && (tls.cert !== undefined || tls.pfx !== undefined);
  if (tls && (password !== undefined || certified)) return;
  const lacks = tls
    ? 'without a password anyone who can connect to it can read everything: set `password`'
    : 'without TLS everything can be read on the network, also the password: use rediss:// or `tls`, with `password`';
  throw new StorageError(
    'ERR_STORAGE_PLACE',
    `Redis at ${formatHostPort({ host, port })} is not on this machine, and ${lacks}, or set \`allowPlaintextConnection\``,
  );
}

/** @throws StorageError `ERR_STORAGE_PLACE` */
export function checkAddresses(target: RedisTarget): void {
  target.addresses.forEach((address) => checkedAddress(address, target));
}
