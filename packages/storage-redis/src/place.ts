import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { StorageError } from '@acmex/storage';

/** Where a Redis listens. */
export interface Address {
  readonly host: string;
  /** 6379 by default, 26379 for a sentinel. */
  readonly port?: number | undefined;
}

/** Which Redis: one server, the master that sentinels know, or the node of a Cluster that has our keys. */
export type RedisPlace =
  /** `redis://[username[:password]@]host[:port][/database]`; `rediss://` for TLS. */
  | { readonly url: string }
  | (Address & { readonly database?: number | undefined })
  | {
      readonly sentinels: readonly Address[];
      /** What the sentinels call the master. */
      readonly master: string;
      readonly sentinelUsername?: string | undefined;
      readonly sentinelPassword?: string | undefined;
      readonly database?: number | undefined;
    }
  /** Nodes of a Cluster; one that answers is enough. */
  | { readonly nodes: readonly Address[] };

export interface Access {
  /** An ACL user; the default user where it is absent. */
  readonly username?: string | undefined;
  /** Or what gives it: asked at every connection, so that it may change. */
  readonly password?: string | (() => Promise<string>) | undefined;
  /** `true`: TLS with the CAs that Node.js trusts. Sentinels are spoken to in the same way. */
  readonly tls?: boolean | ConnectionOptions | undefined;
}

/** A place as all of its forms say it. */
export interface RedisTarget extends Access {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  readonly addresses: readonly Required<Address>[];
  readonly database: number;
  readonly master: string;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

/** @throws StorageError `ERR_STORAGE_PLACE` */
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
  if ('nodes' in place) return { ...common, kind: 'cluster', addresses: someOf(place.nodes, 6379) };
  if ('sentinels' in place) {
    const { master, sentinelUsername, sentinelPassword } = place;
    return {
      ...common,
      kind: 'sentinel',
      master,
      sentinelUsername,
      sentinelPassword,
      addresses: someOf(place.sentinels, 26379),
    };
  }
  return { ...common, kind: 'server', addresses: someOf([place], 6379) };
}

function someOf(addresses: readonly Address[], port: number): readonly Required<Address>[] {
  if (addresses.length === 0)
    throw new StorageError(
      'ERR_STORAGE_PLACE',
      'no address of a Redis was given: give at least one',
    );
  return addresses.map((address) => ({ host: address.host, port: address.port ?? port }));
}

/** No message repeats the URL: a password may stand in it. */
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
      'this is no URL of a Redis: write redis://host:port/database, or rediss:// for TLS, and give everything else by an option of its own',
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
 * Where and how others may speak with the same Redis.
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
  if (!allowPlaintextConnection)
    target.addresses.forEach((address) => checkedAddress(address, target));
  return target;
}

/**
 * Refuses to speak in clear, or without saying who speaks, over a network. Asked for each address, also for those that sentinels and nodes name.
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
    ? 'without a password anyone who reaches it reads everything: give `password`'
    : 'without TLS everything can be read on the way, the password too: use rediss:// or `tls`, with `password`';
  throw new StorageError(
    'ERR_STORAGE_PLACE',
    `Redis at ${shown({ host, port })} is not on this machine, and ${lacks}, or allow it by \`allowPlaintextConnection\``,
  );
}

export function shown({ host, port }: Required<Address>): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

const isLoopback = (host: string) => /^(localhost\.?|::1|(::ffff:)?127(\.\d{1,3}){3})$/i.test(host);
