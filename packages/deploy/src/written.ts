import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DeployError } from './errors.ts';

export interface FileMode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes a file whole or not at all: beside its place first, flushed, then put there, and read back. Where the path is a link, the
 * file that it leads to is the one written. @returns whether anything had to change
 */
export async function writeWhole(
  path: string,
  text: string,
  { mode, uid, gid }: FileMode,
): Promise<boolean> {
  const target = await realpath(path).catch(() => path);
  if ((await readFile(target, 'utf8').catch(() => undefined)) === text) return false;
  const place = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(place, 'wx', mode);
    try {
      await file.chmod(mode);
      if (uid !== -1 || gid !== -1) await file.chown(uid, gid);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(place, target);
    await flush(dirname(target));
  } catch (error) {
    await rm(place, { force: true }).catch(() => {
      /* the first failure is the one to tell */
    });
    throw failure(path, error);
  }
  if ((await readFile(target, 'utf8')) !== text)
    throw new DeployError(
      'ERR_DEPLOY_FILE',
      `${path} was written and reads otherwise: something else writes there too`,
    );
  return true;
}

export async function flush(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

export function failure(path: string, error: unknown): DeployError {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such folder',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of the path is no folder',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
  };
  return new DeployError(
    'ERR_DEPLOY_FILE',
    `${path} cannot be written (${words[code] ?? (code || String(error))})`,
    { cause: error },
  );
}
