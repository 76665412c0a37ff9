import { errorCode } from '@acmex/errors';
import { type FileAttributes, fileErrorText, type ReservedFile, reserveFile } from '@acmex/files';
import { CliError } from './errors.ts';

/** A file that is reserved beside its path until its bytes are ready. */
export interface WaitingFile extends AsyncDisposable {
  /** Writes the bytes and puts the file at its path, in place of one that is there. */
  commit(bytes: Uint8Array | string): Promise<void>;
  /** Writes the bytes and puts the file at its path; returns false when there is a file already. */
  commitNew(bytes: Uint8Array | string): Promise<boolean>;
}

/**
 * Makes sure now that a file can be written later. Disposing of it removes what was not committed.
 *
 * A key (mode 0600) that is replaced may keep its mode up to 0640, other files up to their mode;
 * see `replaceFile` of `@acmex/files`.
 *
 * @throws CliError `ERR_CLI_FILE`
 */
export async function waitingFile(
  path: string,
  mode: 0o600 | 0o644 | FileAttributes,
): Promise<WaitingFile> {
  const file = await attempt(path, () => reserveFile(path, attributesOf(mode)));
  return {
    commit: (bytes) =>
      attempt(path, async () => {
        await file.append(bytes);
        await file.commit();
      }),
    commitNew: (bytes) =>
      attempt(path, async () => {
        await file.append(bytes);
        return await file.commitNew();
      }),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/**
 * Writes a stream to a new file, which exists only when it is complete, flushed, and accepted by
 * `verify`.
 *
 * @param verify gets the path of the complete bytes
 * @throws CliError `ERR_CLI_FILE`, `ERR_CLI_EXISTS`; errors of the stream and of `verify`
 */
export async function writeVerified<T>(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  verify: (path: string) => Promise<T>,
): Promise<T> {
  await using file: ReservedFile = await attempt(path, () => reserveFile(path, { mode: 0o600 }));
  for await (const chunk of bytes) await attempt(path, () => file.append(chunk));
  const result = await verify(file.temporaryPath);
  if (!(await attempt(path, () => file.commitNew())))
    throw new CliError('ERR_CLI_EXISTS', `${path} exists already: choose another name`);
  return result;
}

function attributesOf(mode: 0o600 | 0o644 | FileAttributes): FileAttributes {
  if (typeof mode === 'object') return mode;
  return { mode, keepModeWithin: mode === 0o600 ? 0o640 : mode };
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT';
    throw new CliError(
      'ERR_CLI_FILE',
      `${path} cannot be written (${fileErrorText(error)})${isMissing ? ': create its directory first' : ''}`,
      { cause: error },
    );
  }
}
