import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import type { ReadConfigOptions } from './read-config.ts';

/** A folder of its own with a configuration in it, and what reads that. */
export interface ConfigFolder extends AsyncDisposable {
  readonly path: string;
  readonly file: string;
  readonly options: ReadConfigOptions;
  /** Writes a file that is this user's alone. */
  write(name: string, text: string): Promise<string>;
}

export async function configFolder(
  toml?: string,
  options: Partial<ReadConfigOptions> = {},
): Promise<ConfigFolder> {
  const path = await mkdtemp(join(tmpdir(), 'acmex-config-'));
  const write = async (name: string, text: string) => {
    await writeFile(join(path, name), text, { mode: 0o600 });
    await chmod(join(path, name), 0o600);
    return join(path, name);
  };
  if (toml !== undefined) await write('acmex.toml', toml);
  return {
    path,
    write,
    file: join(path, 'acmex.toml'),
    options: {
      cwd: path,
      home: join(path, 'home'),
      environment: {},
      ...(toml === undefined ? {} : { file: join(path, 'acmex.toml') }),
      ...options,
    },
    [Symbol.asyncDispose]: async () => {
      await removeFolder(path);
    },
  };
}
