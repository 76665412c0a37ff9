import { type HostPort, parseHostPort } from '@acmex/identifier';
import { fileURLToPath } from 'node:url';
import { invalid } from './errors.ts';
import type { Config } from './read-config.ts';
import { Secret } from './secret.ts';
import { sentinelPort, storageUrlForm } from './tables/storage.ts';
import { absoluteUrl } from './variables.ts';

/** The storage of a configuration, in one form. */
export interface StorageDescription {
  readonly place: StoragePlace;
  /** Absent: values are stored as they are. */
  readonly encryption?: StorageEncryption;
}

export type StoragePlace =
  /** None is configured, or no folder: the application's own data directory. */
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'memory' }
  | ({ readonly kind: 'redis' } & RedisDescription);

/** A Redis by its URL, or the master that sentinels know. */
export type RedisDescription = (
  | { readonly url: string | Secret }
  | {
      readonly sentinels: readonly { readonly host: string; readonly port?: number }[];
      readonly master: string;
      readonly sentinelPassword?: Secret;
      readonly tls?: boolean;
    }
) & {
  readonly username?: string;
  readonly password?: Secret;
  readonly database?: number;
  readonly allowPlaintextConnection?: boolean;
};

export type StorageEncryption =
  /** `key` gives one key or several with spaces between, the first for writing. */
  { readonly key: Secret; readonly format?: 'hex' | 'base64' } | { readonly passphrase: Secret };

/**
 * Returns the storage of `[storage]` or `[redis]`. A key or a passphrase encrypts every kind of
 * storage.
 */
export function storageOf({ values }: Pick<Config, 'values'>): StorageDescription {
  const { storage } = values;
  const encryption = encryptionOf(storage.encrypted);
  const place = placeOf(storage);
  const redis =
    place.kind === 'default' && storage.url === undefined && storage.backend === undefined
      ? redisOf({ values })
      : undefined;
  return {
    place: redis ? { kind: 'redis', ...redis } : place,
    ...(encryption ? { encryption } : {}),
  };
}

/** Returns the Redis of `[redis]`; undefined where there is none. */
export function redisOf({
  values: { redis },
}: Pick<Config, 'values'>): RedisDescription | undefined {
  const {
    url,
    sentinels,
    master = '',
    username,
    password,
    sentinel_password: sentinelPassword,
    db,
    tls,
    allow_plaintext_connection: allowPlaintextConnection,
  } = redis;
  const common = {
    ...(username === undefined ? {} : { username }),
    ...(password ? { password } : {}),
    ...(db === undefined ? {} : { database: db }),
    ...(allowPlaintextConnection ? { allowPlaintextConnection } : {}),
  };
  if (url !== undefined) return { url, ...common };
  if (sentinels.length === 0) return undefined;
  return {
    sentinels: sentinels.map(sentinelAddress),
    master,
    ...common,
    ...(sentinelPassword ? { sentinelPassword } : {}),
    ...(tls === undefined ? {} : { tls }),
  };
}

function sentinelAddress(text: string): HostPort {
  return parseHostPort(text, { defaultPort: sentinelPort }) ?? { host: text, port: sentinelPort };
}

/**
 * A place as a command line names it: `file:PATH`, a path, `redis://HOST:PORT`, `rediss://…` or
 * `memory:`.
 * @throws ConfigError `ERR_CONFIG_INVALID`
 */
export function storagePlace(
  text: string,
  { cwd, flag }: { readonly cwd: string; readonly flag: string },
): StoragePlace {
  const url = absoluteUrl(text, cwd);
  if (storageUrlForm.test(url)) return placeAt(url, {});
  throw invalid([
    {
      key: '',
      origin: { from: 'flag', flag },
      problem: 'is not a valid storage URL',
      cure: 'write file:PATH, redis://HOST:PORT, rediss://HOST:PORT or memory:',
    },
  ]);
}

type Values = Config['values']['storage'];

function placeOf({ url, backend, file, redis, encrypted }: Values): StoragePlace {
  if (url !== undefined) return placeAt(url, redis);
  switch (backend === 'encrypted' ? encrypted.inner_backend : backend) {
    case 'memory':
      return { kind: 'memory' };
    case 'redis':
      return redis.url === undefined ? { kind: 'default' } : redisAt(redis.url, redis);
    default:
      return file.path === undefined ? { kind: 'default' } : { kind: 'file', path: file.path };
  }
}

function placeAt(url: string | Secret, redis: Values['redis']): StoragePlace {
  if (url instanceof Secret || /^rediss?:/i.test(url)) return redisAt(url, redis);
  if (/^memory:$/i.test(url)) return { kind: 'memory' };
  return {
    kind: 'file',
    path: url.startsWith('file://') ? fileURLToPath(url) : url.replace(/^file:/i, ''),
  };
}

function redisAt(url: string | Secret, { password, db }: Values['redis']): StoragePlace {
  return {
    kind: 'redis',
    url,
    ...(password ? { password } : {}),
    ...(db === undefined ? {} : { database: db }),
  };
}

function encryptionOf({
  encryption_key: key,
  passphrase,
  key_format: format,
}: Values['encrypted']): StorageEncryption | undefined {
  if (key) return { key, ...(format === undefined ? {} : { format }) };
  return passphrase ? { passphrase } : undefined;
}
