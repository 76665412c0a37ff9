import { open } from 'node:fs/promises';
import { errorCode } from '@acmex/errors';
import { ConfigError } from './errors.ts';

/** The largest size of a credential. */
const longest = 64 * 1024;

/**
 * Returns the credential in a file, without the line break at its end. The file is root's or this
 * user's. No other user may read or write it, with one exception: a file of root may be readable by
 * its group (0640), as service managers provide secrets.
 * @throws ConfigError `ERR_CONFIG_CREDENTIAL` with the cure
 */
export async function credentialInFile(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { mode, uid, size } = await file.stat();
    const objection = objectionTo(mode, uid);
    if (objection !== undefined) throw refusal(`the credential file ${path} ${objection} ${path}`);
    if (size > longest)
      throw refusal(
        `the credential file ${path} has ${size} bytes: give one with the credential alone`,
      );
    return (await file.readFile('utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if (errorCode(error) === 'ERR_CONFIG_CREDENTIAL') throw error;
    throw refusal(
      `the credential file ${path} cannot be read (${errorCode(error) ?? 'unknown'}): check its path and permissions`,
      error,
    );
  }
}

function objectionTo(mode: number, owner: number): string | undefined {
  const user = process.getuid?.();
  if (user === undefined) return undefined; // Windows has no such modes
  if (owner !== 0 && owner !== user) return `belongs to the user ${owner}: chown ${user}`;
  const allowed = owner === 0 ? 0o740 : 0o700;
  if ((mode & 0o777 & ~allowed) === 0) return undefined;
  return owner === 0 && user !== 0
    ? 'is open to others: chmod 640'
    : 'is open to others: chmod 600';
}

function refusal(message: string, cause?: unknown): ConfigError {
  return new ConfigError('ERR_CONFIG_CREDENTIAL', message, cause === undefined ? {} : { cause });
}
