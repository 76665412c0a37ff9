import { memoryStorage, type Storage } from '@acmex/storage';
import type { Access, RedisPlace } from '@acmex/storage-redis';
import { loaded } from './loaded.ts';
import type {
  RedisDescription,
  StorageDescription,
  StorageEncryption,
  StoragePlace,
} from './storage-description.ts';

export interface OpenStorageOptions {
  /** The folder of the files where no storage is configured. */
  readonly directory: string;
  /** Changes no file of a storage in files: see `FileStorageOptions`. False by default. */
  readonly readOnly?: boolean | undefined;
  /** Called with what an operator should know of the storage, such as that it could lose data. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/**
 * Opens the storage that is described, with its encryption. Loads only the packages that are
 * needed.
 * @throws ConfigError `ERR_CONFIG_PACKAGE_MISSING`, `ERR_CONFIG_CREDENTIAL`; and what the driver
 * throws
 */
export async function openStorage(
  { place, encryption }: StorageDescription,
  options: OpenStorageOptions,
): Promise<Storage> {
  if (!encryption) return await openDriver(place, options);
  const { encryptedStorage } = await loaded(
    '@acmex/storage-encrypted',
    'an encrypted storage',
    () => import('@acmex/storage-encrypted'),
  );
  const keys = await keysOf(encryption);
  const driver = await openDriver(place, options);
  try {
    return await encryptedStorage(driver, { keys });
  } catch (error) {
    await driver[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Opens the storage without its encryption.
 * @throws ConfigError `ERR_CONFIG_PACKAGE_MISSING`
 */
export async function openDriver(
  place: StoragePlace,
  { directory, readOnly, onNotice }: OpenStorageOptions,
): Promise<Storage> {
  switch (place.kind) {
    case 'memory':
      return memoryStorage();
    case 'redis': {
      const { redisStorage } = await loaded(
        '@acmex/storage-redis',
        'a storage in Redis',
        () => import('@acmex/storage-redis'),
      );
      return redisStorage({
        ...(await redisPlace(place)),
        ...(place.allowPlaintextConnection ? { allowPlaintextConnection: true } : {}),
        onNotice: ({ message }) => onNotice?.(message),
      });
    }
    case 'file':
    case 'default': {
      const { fileStorage } = await loaded(
        '@acmex/storage-file',
        'a storage in files',
        () => import('@acmex/storage-file'),
      );
      return fileStorage({ path: place.kind === 'file' ? place.path : directory, readOnly });
    }
  }
}

/**
 * Returns the keys of an encryption; the first encrypts.
 * @throws StorageError `ERR_STORAGE_ENCRYPTION`
 */
export async function keysOf(encryption: StorageEncryption) {
  if ('passphrase' in encryption) return [{ passphrase: await encryption.passphrase.reveal() }];
  const { parseEncryptionKey } = await loaded(
    '@acmex/storage-encrypted',
    'an encrypted storage',
    () => import('@acmex/storage-encrypted'),
  );
  return (await encryption.key.reveal())
    .split(/[\s,]+/)
    .filter((line) => line !== '')
    .map(parseEncryptionKey);
}

/** A Redis as @acmex/storage-redis takes it. */
export async function redisPlace({
  username,
  password,
  database,
  ...place
}: RedisDescription): Promise<RedisPlace & Access> {
  const access = {
    ...(username === undefined ? {} : { username }),
    ...(password ? { password: password.reveal } : {}),
  };
  if ('url' in place)
    return {
      ...access,
      url: withDatabase(
        typeof place.url === 'string' ? place.url : await place.url.reveal(),
        database,
      ),
    };
  const { sentinels, master, sentinelPassword, tls } = place;
  return {
    ...access,
    sentinels,
    master,
    database,
    tls,
    ...(sentinelPassword ? { sentinelPassword: await sentinelPassword.reveal() } : {}),
  };
}

function withDatabase(url: string, database: number | undefined): string {
  const whole = new URL(url);
  if (database !== undefined) whole.pathname = `/${database}`;
  return whole.href;
}
