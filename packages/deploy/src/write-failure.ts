import { errorCode } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { DeployError } from './errors.ts';

/**
 * Returns the error for a path that cannot be written; errors of this package are returned as they
 * are.
 */
export function writeFailure(path: string, error: unknown): DeployError {
  if (error instanceof DeployError) return error;
  if (errorCode(error) === 'ERR_FILES_UNSAFE')
    return new DeployError('ERR_DEPLOY_UNSAFE', `${path} is not written: ${fileErrorText(error)}`, {
      cause: error,
    });
  return new DeployError('ERR_DEPLOY_FILE', `${path} cannot be written (${fileErrorText(error)})`, {
    cause: error,
  });
}
