import { randomBytes } from 'node:crypto';
import { link, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '@acmex/errors';
import { CliError } from './errors.ts';

/** Bytes that wait beside their place until all is ready: nobody ever sees half a file. */
export interface WaitingFile extends AsyncDisposable {
  /** Puts the bytes in, flushed to the disk, and the file in its place, over what may be there. */
  commit(bytes: Uint8Array | string): Promise<void>;
  /** The same, but never over a file: false when there is one. */
  commitNew(bytes: Uint8Array | string): Promise<boolean>;
}

/**
 * Makes sure now that a file can be written later. Where the path is a link, the file it leads to is the one written.
 * Disposing of it takes away what was not committed.
 * @throws CliError `ERR_CLI_FILE`
 */
export async function waitingFile(path: string, mode: 0o600 | 0o644): Promise<WaitingFile> {
  const target = await realpath(path).catch(() => path);
  const place = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  const file = await attempt(path, () => open(place, 'wx', mode));
  let kept = false;
  const write = async (bytes: Uint8Array | string) => {
    await file.truncate(0);
    await file.writeFile(bytes);
    await file.sync();
  };
  const flush = async () => {
    const folder = await open(dirname(target));
    await folder.sync().finally(() => folder.close());
  };
  return {
    commit: (bytes) =>
      attempt(path, async () => {
        await write(bytes);
        await rename(place, target);
        kept = true;
        await flush();
      }),
    commitNew: (bytes) =>
      attempt(path, async () => {
        await write(bytes);
        const made = await link(place, target).then(
          () => true,
          (error: NodeJS.ErrnoException) =>
            error.code === 'EEXIST' ? false : Promise.reject(error),
        );
        if (made) await flush();
        return made;
      }),
    async [Symbol.asyncDispose]() {
      await file.close();
      if (!kept) await rm(place, { force: true });
    },
  };
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CliError('ERR_CLI_FILE', `${path} cannot be written (${reason(error)})`, {
      cause: error,
    });
  }
}

/** The operating system's reason, in words. */
export function reason(error: unknown): string {
  const code = errorCode(error);
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of the path is no directory',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
  };
  return code ? (words[code] ?? code) : String(error);
}
