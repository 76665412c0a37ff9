import { randomBytes } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '@acmex/errors';
import { CliError } from './errors.ts';
import { reason } from './whole-file.ts';

/**
 * Writes a stream into a file that is there only when it is whole, flushed, and found good by `verify`, which gets its path.
 * @throws CliError `ERR_CLI_FILE`, `ERR_CLI_EXISTS`; and what the stream or `verify` throws
 */
export async function writtenFile<T>(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  verify: (path: string) => Promise<T>,
): Promise<T> {
  const place = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const file = await attempt(path, () => open(place, 'wx', 0o600));
  try {
    for await (const chunk of bytes) await attempt(path, () => file.writeFile(chunk));
    await attempt(path, () => file.sync());
    const result = await verify(place);
    await attempt(path, () => link(place, path));
    return result;
  } finally {
    await file.close();
    await rm(place, { force: true });
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errorCode(error) === 'EEXIST')
      throw new CliError('ERR_CLI_EXISTS', `${path} exists already: choose another name`, {
        cause: error,
      });
    throw new CliError('ERR_CLI_FILE', `${path} cannot be written (${reason(error)})`, {
      cause: error,
    });
  }
}
