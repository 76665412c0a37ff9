import { errorCode } from '@acmex/errors';
import { fileErrorText, trustedFile } from '@acmex/files';
import { ConfigError } from './errors.ts';

/**
 * Checks that only root and the current user can change a configuration file: it names programs to
 * run, so who writes it acts as its user.
 *
 * @returns the real path, to read the file by
 * @throws ConfigError `ERR_CONFIG_UNSAFE` when others can change it, `ERR_CONFIG_FILE` when it
 * cannot be read
 */
export async function assertTrusted(path: string): Promise<string> {
  try {
    return await trustedFile(path);
  } catch (cause) {
    if (errorCode(cause) === 'ERR_FILES_UNSAFE')
      throw new ConfigError('ERR_CONFIG_UNSAFE', fileErrorText(cause), { cause });
    throw new ConfigError(
      'ERR_CONFIG_FILE',
      `the configuration file ${path} cannot be read (${fileErrorText(cause)}): check its path and permissions`,
      { cause },
    );
  }
}
