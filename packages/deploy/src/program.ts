import { errorCode } from '@acmex/errors';
import { fileErrorText, trustedProgram as findTrustedProgram } from '@acmex/files';
import { DeployError } from './errors.ts';

/**
 * Finds a program that no one but root and the current user can change.
 *
 * @param name an absolute path, or a name in PATH
 * @param path the variable PATH
 * @returns the real path
 * @throws DeployError `ERR_DEPLOY_HOOK` when there is no such program, `ERR_DEPLOY_UNSAFE` when
 * others can change it
 */
export async function trustedProgram(name: string, path = ''): Promise<string> {
  try {
    return await findTrustedProgram(name, { path });
  } catch (error) {
    if (errorCode(error) === 'ERR_FILES_UNSAFE')
      throw new DeployError('ERR_DEPLOY_UNSAFE', `the hook is not run: ${fileErrorText(error)}`, {
        cause: error,
      });
    throw new DeployError(
      'ERR_DEPLOY_HOOK',
      `the hook ${JSON.stringify(name)} cannot be run (${fileErrorText(error)})`,
      { cause: error },
    );
  }
}
