import { access, constants, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { DeployError } from './errors.ts';

/**
 * The real path of a program that nobody but root and this user can have written: neither the file, nor its folder, nor, where that
 * has no sticky bit, a folder above. @throws DeployError `ERR_DEPLOY_HOOK` for one that is not there; `ERR_DEPLOY_UNSAFE`
 */
export async function trustedProgram(name: string, path = ''): Promise<string> {
  const places = isAbsolute(name)
    ? [name]
    : name.includes('/')
      ? []
      : path
          .split(':')
          .filter(isAbsolute)
          .map((folder) => join(folder, name));
  for (const place of places) {
    if (
      !(await access(place, constants.X_OK).then(
        () => true,
        () => false,
      ))
    )
      continue;
    const real = await realpath(place);
    await trusted(real, 'file');
    for (
      let folder = dirname(real), kind: Kind = 'folder';
      ;
      folder = dirname(folder), kind = 'above'
    ) {
      await trusted(folder, kind);
      if (folder === dirname(folder)) return real;
    }
  }
  throw new DeployError(
    'ERR_DEPLOY_HOOK',
    `the hook ${JSON.stringify(name)} is no program: give an absolute path, or a name that PATH knows, and make it executable`,
  );
}

type Kind = 'file' | 'folder' | 'above';

async function trusted(path: string, kind: Kind): Promise<void> {
  const { uid, mode } = await stat(path);
  const own = process.getuid?.();
  if (uid !== 0 && uid !== own)
    throw new DeployError(
      'ERR_DEPLOY_UNSAFE',
      `${path} belongs to the user ${uid}, and would be run by the user ${own}: make it root's or your own`,
    );
  // In a folder with the sticky bit, as /tmp, others can put nothing in the place of what is not theirs.
  if ((mode & 0o022) !== 0 && !(kind === 'above' && (mode & 0o1000) !== 0))
    throw new DeployError(
      'ERR_DEPLOY_UNSAFE',
      `${path} can be written by others: chmod go-w ${path}`,
    );
}
