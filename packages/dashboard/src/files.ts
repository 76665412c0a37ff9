import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

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

/** Returns the folder of the page's files, which the build of this package writes. */
export function dashboardFolder(): string {
  // A program that contains this code has the package beside it.
  const manifestFile = createRequire(import.meta.url).resolve('@acmex/dashboard/package.json');
  return join(dirname(manifestFile), 'dist/page');
}

const manifestName = 'manifest.json';

/**
 * Checks that the page is built, without reading it.
 * @param folder of the page's files; that of this package by default
 * @throws the file system's error, with `code` `ENOENT` where the page is not built
 */
export async function assertDashboardBuilt(folder = dashboardFolder()): Promise<void> {
  await access(join(folder, manifestName));
}

/**
 * Reads the files of the page.
 * @param folder of the page's files; that of this package by default
 * @throws the file system's error, with `code` `ENOENT` where the page is not built
 */
export async function dashboardFiles(
  folder = dashboardFolder(),
): Promise<readonly DashboardFile[]> {
  const manifest = await readFile(join(folder, manifestName), 'utf8');
  return await Promise.all(
    (JSON.parse(manifest) as readonly Entry[]).map(
      async ({ file, isCompressed, ...more }): Promise<DashboardFile> => {
        const { path, contentType, etag, immutable } = more;
        const entry = { path, contentType, etag, immutable };
        const content = async (ending: string) =>
          new Uint8Array(await readFile(join(folder, `${file}${ending}`)));
        const identity = await content('');
        return isCompressed
          ? { ...entry, identity, brotli: await content('.br'), gzip: await content('.gz') }
          : { ...entry, identity };
      },
    ),
  );
}
