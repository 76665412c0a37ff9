import { valueAt, withoutValueAt } from '../key-path.ts';
import type { Origin } from '../origin.ts';
import type { Settings } from '../settings.ts';
import { type Check, fault } from './check.ts';

/** The settings with one storage, where a flag or a variable names another place than the file. */
export function withOneStorage(settings: Settings): Settings {
  const at = (key: string) => valueAt(settings.table, ['storage', key]);
  const rank = (key: string) => ranks[settings.originOf(['storage', key]).from];
  if (at('url') === undefined || at('backend') === undefined || at('backend') === 'encrypted' || rank('url') === rank('backend')) return settings;
  return settings.withTable(withoutValueAt(settings.table, ['storage', rank('url') < rank('backend') ? 'url' : 'backend']));
}

const ranks: Readonly<Record<Origin['from'], number>> = { default: 0, file: 1, environment: 2, flag: 3 };

/** The storage is one place, and its encryption has one key. */
export const storage: Check = (settings) => {
  const at = (...path: readonly string[]) => valueAt(settings.table, ['storage', ...path]);
  const [url, backend, inner] = [at('url'), at('backend'), at('encrypted', 'inner_backend')];
  const [key, passphrase] = [at('encrypted', 'encryption_key'), at('encrypted', 'passphrase')];
  const kind = backend === 'encrypted' ? inner : backend;
  return [
    url !== undefined && backend !== undefined && backend !== 'encrypted' ? fault(settings, ['storage', 'url'], 'says what backend says too', 'keep one of the two') : undefined,
    url === undefined && kind === 'redis' && at('redis', 'url') === undefined ? fault(settings, ['storage', 'redis', 'url'], 'is missing', 'write redis://HOST:PORT, or rediss:// for TLS') : undefined,
    url === undefined && backend === undefined && at('redis', 'url') !== undefined ? fault(settings, ['storage', 'backend'], 'is missing', 'write backend = "redis"') : undefined,
    url === undefined && backend === 'encrypted' && inner === undefined ? fault(settings, ['storage', 'encrypted', 'inner_backend'], 'is missing', 'write "file" or "redis"') : undefined,
    backend === 'encrypted' && key === undefined && passphrase === undefined ? fault(settings, ['storage', 'encrypted', 'encryption_key'], 'is missing', 'write a key, made by acmex storage new-key, or a passphrase') : undefined,
    key !== undefined && passphrase !== undefined ? fault(settings, ['storage', 'encrypted', 'passphrase'], 'goes with no encryption_key', 'keep one of the two') : undefined,
  ];
};
