import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError } from './errors.ts';

export interface Places {
  /** As after `--config`: then it must be there. False: none is read. */
  readonly file?: string | false | undefined;
  readonly cwd: string;
  readonly home: string;
}

/**
 * Finds the configuration file: the named file, else the first existing file of `./acmex.toml`,
 * `~/.config/acmex/acmex.toml` and `/etc/acmex/acmex.toml`.
 * @throws ConfigError `ERR_CONFIG_FILE` where the named file does not exist
 */
export async function findConfig({ file, cwd, home }: Places): Promise<string | undefined> {
  if (file === false) return undefined;
  if (file !== undefined) {
    const named = resolve(cwd, file);
    if (await isThere(named)) return named;
    throw new ConfigError(
      'ERR_CONFIG_FILE',
      `there is no configuration file ${named}: check the path after --config`,
    );
  }
  for (const folder of [cwd, join(home, '.config', 'acmex'), '/etc/acmex']) {
    const path = join(folder, 'acmex.toml');
    if (await isThere(path)) return path;
  }
  return undefined;
}

/** Returns true also for a file that cannot be read: reading it will report the reason. */
async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
}
