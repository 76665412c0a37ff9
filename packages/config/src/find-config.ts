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
 * The configuration file: the one that was named, else the first that there is of `./acmex.toml`, `~/.config/acmex/acmex.toml` and `/etc/acmex/acmex.toml`.
 * @throws ConfigError `ERR_CONFIG_FILE` when the one that was named is not there
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

/** One that is there and cannot be read is not passed over: reading it will say why. */
async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
}
