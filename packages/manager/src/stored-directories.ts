import { errorText } from '@acmex/errors';
import type { CachedDirectory, DirectoryCache } from '@acmex/protocol';
import { jsonRecord, type Storage } from '@acmex/storage';
import { directoryName } from './directory-name.ts';

export interface StoredDirectoriesOptions {
  readonly storage: Storage;
  /** Called with what could not be read or written; the CA is asked then. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

interface DirectoryRecord extends CachedDirectory {
  /** The directory's own URL. */
  readonly url: string;
}

const record = jsonRecord<DirectoryRecord>({
  kind: 'saved directory',
  version: 1,
  check(read) {
    const { url, text, etag, freshUntil } = read as Readonly<
      Record<keyof DirectoryRecord, unknown>
    >;
    if (typeof url !== 'string' || typeof text !== 'string' || typeof freshUntil !== 'string')
      throw new TypeError('its URL, its text or its time is missing');
    return { url, text, freshUntil, etag: typeof etag === 'string' ? etag : undefined };
  },
});

/** Keeps the directories of CAs in a storage, under `directory/`: all that use it share them. */
export function storedDirectories({
  storage,
  onWarning,
}: StoredDirectoriesOptions): DirectoryCache {
  const warn = (url: string, error: unknown) =>
    onWarning?.(
      `the directory of ${url} is read from the CA, not the storage: ${errorText(error)}`,
    );
  return {
    async get(url, { signal } = {}) {
      try {
        const entry = await storage.get(keyOf(url), { signal });
        const stored = entry && record.read(entry);
        return stored?.url === url ? stored : undefined;
      } catch (error) {
        signal?.throwIfAborted();
        warn(url, error);
        return undefined;
      }
    },
    async put(url, directory, { signal } = {}) {
      try {
        await storage.write([{ set: keyOf(url), value: record.bytes({ url, ...directory }) }], {
          signal,
        });
      } catch (error) {
        if (!signal?.aborted) warn(url, error);
      }
    },
  };
}

/**
 * Returns the certificate profiles of a CA with their descriptions, by the directory that was read
 * last. The CA is not asked.
 *
 * @param url of the directory
 * @returns undefined if no directory is stored, or it cannot be read
 */
export async function storedProfiles(
  storage: Storage,
  url: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const stored = await storedDirectories({ storage }).get(url);
  if (!stored) return undefined;
  try {
    const { meta } = JSON.parse(stored.text) as { readonly meta?: { readonly profiles?: unknown } };
    const { profiles } = meta ?? {};
    if (typeof profiles !== 'object' || profiles === null) return {};
    return Object.fromEntries(
      Object.entries(profiles).map(([name, text]) => [name, String(text ?? '')]),
    );
  } catch {
    return undefined;
  }
}

function keyOf(url: string): string {
  return `directory/${directoryName(url)}`;
}
