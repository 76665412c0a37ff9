import { readFile } from 'node:fs/promises';

/** A file of the page, in the forms that a server sends. */
export interface DashboardFile {
  /** `/assets/main-4QF2.js`; `/` for the page itself. */
  readonly path: string;
  /** `text/javascript; charset=utf-8` */
  readonly contentType: string;
  /** `"4QF2…"`: of the bytes before compression. RFC 9110 §8.8.3 */
  readonly etag: string;
  /** Whether the content never changes under this path: the path has a hash of it. */
  readonly immutable: boolean;
  readonly identity: Uint8Array;
  /** RFC 7932; absent where compression does not pay. */
  readonly brotli?: Uint8Array;
  /** RFC 1952; absent where compression does not pay. */
  readonly gzip?: Uint8Array;
}

interface Entry {
  readonly path: string;
  readonly file: string;
  readonly contentType: string;
  readonly etag: string;
  readonly immutable: boolean;
  readonly isCompressed: boolean;
}

/**
 * Reads the files of the page, which the build of this package writes.
 * @throws the file system's error, with `code` `ENOENT` where the package is not built
 */
export async function dashboardFiles(): Promise<readonly DashboardFile[]> {
  // The same place for the sources and for what is built from them.
  const folder = new URL('../dist/page/', import.meta.url);
  const manifest = await readFile(new URL('manifest.json', folder), 'utf8');
  return await Promise.all(
    (JSON.parse(manifest) as readonly Entry[]).map(
      async ({ file, isCompressed, ...entry }): Promise<DashboardFile> => {
        const content = async (ending: string) =>
          new Uint8Array(await readFile(new URL(`${file}${ending}`, folder)));
        const identity = await content('');
        return isCompressed
          ? { ...entry, identity, brotli: await content('.br'), gzip: await content('.gz') }
          : { ...entry, identity };
      },
    ),
  );
}
