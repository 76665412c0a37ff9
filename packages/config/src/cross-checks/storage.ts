import { valueAt, withoutValueAt, type Settings } from '../settings.ts';
import type { Origin } from '../fault.ts';
import { type Check, fault } from './check.ts';

/** The settings with one storage and one key of it, where a flag or a variable names another than the file. */
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

/** Without the weaker of two that exclude each other; with both where they come from the same side. */
function withStronger(
  settings: Settings,
  one: readonly string[],
  other: readonly string[],
): Settings {
  const rank = (path: readonly string[]) => ranks[settings.originOf(path).from];
  if (
    [one, other].some((path) => valueAt(settings.table, path) === undefined) ||
    rank(one) === rank(other)
  )
    return settings;
  return settings.withTable(withoutValueAt(settings.table, rank(one) < rank(other) ? one : other));
}

const ranks: Readonly<Record<Origin['from'], number>> = {
  default: 0,
  file: 1,
  environment: 2,
  flag: 3,
};

/** The storage is one place, and its encryption has one key. */
export const storage: Check = (settings) => {
  const at = (...path: readonly string[]) => valueAt(settings.table, ['storage', ...path]);
  const [url, backend, inner] = [at('url'), at('backend'), at('encrypted', 'inner_backend')];
  const [key, passphrase] = [at('encrypted', 'encryption_key'), at('encrypted', 'passphrase')];
  const kind = backend === 'encrypted' ? inner : backend;
  const redis = (name: string) => valueAt(settings.table, ['redis', name]);
  const given = redis('sentinels');
  const sentinels = Array.isArray(given) && given.length > 0;
  return [
    url !== undefined && backend !== undefined && backend !== 'encrypted'
      ? fault(settings, ['storage', 'url'], 'says what backend says too', 'keep one of the two')
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
      ? fault(settings, ['redis', 'sentinels'], 'goes with no url', 'keep one of the two')
      : undefined,
    sentinels && redis('master') === undefined
      ? fault(
          settings,
          ['redis', 'master'],
          'is missing',
          'write what the sentinels call the master',
        )
      : undefined,
    key !== undefined && passphrase !== undefined
      ? fault(
          settings,
          ['storage', 'encrypted', 'passphrase'],
          'goes with no encryption_key',
          'keep one of the two',
        )
      : undefined,
  ];
};
