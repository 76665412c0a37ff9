import { access, constants, realpath, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { FilesError } from './errors.ts';
import { currentUser, isOpenToOthers, isOurs, isSticky } from './user.ts';

/**
 * Checks that no one but root and the user of this process can change a file: neither the file, nor
 * its folder, nor a folder above. A folder above may be open to others when it has the sticky bit,
 * as /tmp. Windows has no such modes: nothing is checked.
 *
 * @returns the real path; use this one from now on, because links on the given path may change
 * @throws FilesError `ERR_FILES_UNSAFE`; an error of Node where the file does not exist
 */
export async function trustedFile(path: string): Promise<string> {
  const real = await realpath(path);
  await assertTrusted(real, { mayBeSticky: false });
  let folder = dirname(real);
  await assertTrusted(folder, { mayBeSticky: false });
  while (folder !== dirname(folder)) {
    folder = dirname(folder);
    await assertTrusted(folder, { mayBeSticky: true });
  }
  return real;
}

async function assertTrusted(
  path: string,
  { mayBeSticky }: { readonly mayBeSticky: boolean },
): Promise<void> {
  const stats = await stat(path);
  if (!isOurs(stats))
    throw new FilesError(
      'ERR_FILES_UNSAFE',
      `${path} belongs to the user ${stats.uid}, who could change it: make it belong to root or to the user ${currentUser()}`,
    );
  if (isOpenToOthers(stats) && !(mayBeSticky && isSticky(stats)))
    throw new FilesError(
      'ERR_FILES_UNSAFE',
      `${path} can be written by others: chmod go-w ${path}`,
    );
}

export interface ProgramSearch {
  /**
   * The folders to search for a name without a slash, as in the variable PATH; relative ones are
   * skipped.
   */
  readonly path?: string | undefined;
  /**
   * The folder that a relative path with a slash starts from; such paths are refused when it is
   * absent.
   */
  readonly from?: string | undefined;
}

/**
 * Finds a program and checks that no one but root and the user of this process can change it.
 *
 * @param name an absolute path, or a name to search in `path`
 * @returns the real path of the program
 * @throws FilesError `ERR_FILES_PROGRAM` when there is none, `ERR_FILES_UNSAFE` when others can
 * change it
 */
export async function trustedProgram(name: string, search: ProgramSearch = {}): Promise<string> {
  for (const candidate of candidates(name, search))
    if (await isExecutable(candidate)) return await trustedFile(candidate);
  throw new FilesError(
    'ERR_FILES_PROGRAM',
    `the program ${JSON.stringify(name)} does not exist or is not executable: use an absolute path, or a name in PATH`,
  );
}

function candidates(name: string, { path = '', from }: ProgramSearch): readonly string[] {
  if (isAbsolute(name)) return [name];
  if (name.includes('/')) return from === undefined ? [] : [join(from, name)];
  return path
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name));
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
