import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '@acmex/errors';
import { ConfigError } from './errors.ts';

/**
 * Makes sure that nobody but root and this user can have written a file: neither the file, nor its folder, nor, where that has no sticky bit, a folder above.
 * A configuration names programs to run: who writes it, acts as its user.
 * @returns its real path, the one to read
 * @throws ConfigError `ERR_CONFIG_UNSAFE` for one that others may have written, `ERR_CONFIG_FILE` for one that is not there
 */
export async function assertTrusted(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    await trusted(real, 'file');
    for (
      let folder = dirname(real), kind: Kind = 'folder';
      ;
      folder = dirname(folder), kind = 'above'
    ) {
      await trusted(folder, kind);
      if (folder === dirname(folder)) return real;
    }
  } catch (error) {
    if (errorCode(error) === 'ERR_CONFIG_UNSAFE') throw error;
    throw new ConfigError(
      'ERR_CONFIG_FILE',
      `the configuration file ${path} cannot be read (${errorCode(error) ?? 'unknown'}): check its path and permissions`,
      { cause: error },
    );
  }
}

type Kind = 'file' | 'folder' | 'above';

async function trusted(path: string, kind: Kind): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined) return; // Windows has no such modes
  const { uid, mode } = await stat(path);
  if (uid !== 0 && uid !== own)
    throw new ConfigError(
      'ERR_CONFIG_UNSAFE',
      `${path} belongs to the user ${uid}, and configures the user ${own}: make it root's or your own`,
    );
  // In a folder with the sticky bit, as /tmp, others can put nothing in the place of what is not theirs.
  if ((mode & 0o022) !== 0 && !(kind === 'above' && (mode & 0o1000) !== 0))
    throw new ConfigError(
      'ERR_CONFIG_UNSAFE',
      `${path} can be written by others: chmod go-w ${path}`,
    );
}
