import { valueAt, withoutValueAt, type Settings } from '../settings.ts';
import type { Origin } from '../fault.ts';
import { type Check, fault } from './check.ts';

/**
 * Returns the settings with one storage and one key, where a flag or a variable names a different
 * one than the file.
 */
export function withOneStorage(settings: Settings): Settings {
  const place =
    valueAt(settings.table, ['storage', 'backend']) === 'encrypted'
      ? settings
      : withStronger(settings, ['storage', 'url'], ['storage', 'backend']);
  return withStronger(
    place,
    ['storage', 'encrypted', 'encryption_key'],
    ['storage', 'encrypted', 'passphrase'],
  );
}

/**
 * Removes the weaker of two values that exclude each other. Keeps both where they have the same
 * kind of origin.
 */
function withStronger(
  settings: Settings,
  first: readonly string[],
  second: readonly string[],
): Settings {
  const rank = (path: readonly string[]) => ranks[settings.originOf(path).from];
  if (
    [first, second].some((path) => valueAt(settings.table, path) === undefined) ||
    rank(first) === rank(second)
  )
    return settings;
  return settings.withTable(
    withoutValueAt(settings.table, rank(first) < rank(second) ? first : second),
  );
}

const ranks: Readonly<Record<Origin['from'], number>> = {
  default: 0,
  file: 1,
  environment: 2,
  flag: 3,
};

/** Checks that the storage has one location, and its encryption one key. */
export const storage: Check = (settings) => {
  const at = (...path: readonly string[]) => valueAt(settings.table, ['storage', ...path]);
  const [url, backend, inner] = [at('url'), at('backend'), at('encrypted', 'inner_backend')];
  const [key, passphrase] = [at('encrypted', 'encryption_key'), at('encrypted', 'passphrase')];
  const kind = backend === 'encrypted' ? inner : backend;
  const redis = (name: string) => valueAt(settings.table, ['redis', name]);
  const list = redis('sentinels');
  const sentinels = Array.isArray(list) && list.length > 0;
  return [
    url !== undefined && backend !== undefined && backend !== 'encrypted'
      ? fault(settings, ['storage', 'url'], 'repeats what backend says', 'keep one of the two')
      : undefined,
    url === undefined && kind === 'redis' && at('redis', 'url') === undefined
      ? fault(
          settings,
          ['storage', 'redis', 'url'],
          'is missing',
          'write redis://HOST:PORT, or rediss:// for TLS',
        )
      : undefined,
    url === undefined && backend === undefined && at('redis', 'url') !== undefined
      ? fault(settings, ['storage', 'backend'], 'is missing', 'write backend = "redis"')
      : undefined,
    url === undefined && backend === 'encrypted' && inner === undefined
      ? fault(
          settings,
          ['storage', 'encrypted', 'inner_backend'],
          'is missing',
          'write "file" or "redis"',
        )
      : undefined,
    backend === 'encrypted' && key === undefined && passphrase === undefined
      ? fault(
          settings,
          ['storage', 'encrypted', 'encryption_key'],
          'is missing',
          'write a key, made by acmex storage new-key, or a passphrase',
        )
      : undefined,
    redis('url') !== undefined && sentinels
      ? fault(settings, ['redis', 'sentinels'], 'cannot be used with url', 'keep one of the two')
      : undefined,
    sentinels && redis('master') === undefined
      ? fault(
          settings,
          ['redis', 'master'],
          'is missing',
          'write the name of the master at the sentinels',
        )
      : undefined,
    key !== undefined && passphrase !== undefined
      ? fault(
          settings,
          ['storage', 'encrypted', 'passphrase'],
          'cannot be used with encryption_key',
          'keep one of the two',
        )
      : undefined,
  ];
};
