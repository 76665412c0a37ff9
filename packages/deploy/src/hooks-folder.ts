import { access, constants, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError } from './errors.ts';
import { trustedProgram } from './program.ts';

/**
 * Returns the programs in a folder in the order of their names: executable files whose names do not
 * begin with a dot or end with `~`.
 *
 * @throws DeployError `ERR_DEPLOY_UNSAFE` if others can change one or the folder; `ERR_DEPLOY_HOOK`
 * if the folder cannot be read
 */
export async function hooksIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new DeployError(
      'ERR_DEPLOY_HOOK',
      `the folder of hooks ${folder} cannot be read: create it, or remove it from the configuration`,
      { cause },
    );
  });
  const programs: string[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (
      /^\.|~$/.test(name) ||
      !(await stat(path)).isFile() ||
      !(await access(path, constants.X_OK).then(
        () => true,
        () => false,
      ))
    )
      continue;
    programs.push(await trustedProgram(path));
  }
  return programs;
}
