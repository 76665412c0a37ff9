import { type Folder, openFolder, readFileIn, replaceEntry } from '@acmex/files';
import { errorCode } from '@acmex/errors';

/** The folders of http-01 below a webroot. RFC 8555 section 8.3 */
export const challengeFolders = ['.well-known', 'acme-challenge'] as const;

/** How often folders are made again that another process has removed in the meantime. */
const maximumAttempts = 100;

/**
 * Puts a file into the folder of responses, in place of what is there. Makes missing folders below
 * the webroot, readable by everybody. Follows no link below the webroot.
 *
 * @throws an error of Node, `ENOTDIR` for a link in place of a folder; FilesError
 * `ERR_FILES_UNSAFE`
 */
export async function writeResponse(webroot: string, name: string, content: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await using root = await openFolder(webroot);
      await using wellKnown = await root.makeExactly(challengeFolders[0], 0o755);
      await using folder = await wellKnown.makeExactly(challengeFolders[1], 0o755);
      await replaceEntry(folder, name, content, 0o644);
      return;
    } catch (error) {
      // Another process may remove the folders as long as they are empty; a missing webroot stays
      // missing.
      if (errorCode(error) !== 'ENOENT' || attempt === maximumAttempts) throw error;
    }
  }
}

/**
 * Returns the content of a response; undefined where there is none. Follows no link below the
 * webroot.
 */
export async function readResponse(webroot: string, name: string): Promise<string | undefined> {
  return await inChallengeFolder(webroot, async (folder) =>
    (await readFileIn(folder, name))?.toString('utf8'),
  );
}

/** Removes a response; does nothing where there is none. Follows no link below the webroot. */
export async function removeResponse(webroot: string, name: string): Promise<void> {
  await inChallengeFolder(webroot, async (folder) => {
    await folder.removeFile(name);
  });
}

/** Returns the folders of http-01 that do not exist, as steps below the webroot. */
export async function missingFolders(webroot: string): Promise<readonly number[]> {
  await using root = await openFolder(webroot);
  const stats = await root.stat(challengeFolders[0]);
  if (stats === undefined) return [0, 1];
  if (!stats.isDirectory()) return [1];
  await using wellKnown = await root.open(challengeFolders[0]);
  return (await wellKnown.stat(challengeFolders[1])) === undefined ? [1] : [];
}

/** Removes a folder of http-01 if it is empty. */
export async function removeFolder(webroot: string, step: number): Promise<void> {
  await ifPresent(async () => {
    await using root = await openFolder(webroot);
    if (step === 0) return await root.removeIfEmpty(challengeFolders[0]);
    await using wellKnown = await root.open(challengeFolders[0]);
    await wellKnown.removeIfEmpty(challengeFolders[1]);
  });
}

async function inChallengeFolder<T>(
  webroot: string,
  work: (folder: Folder) => Promise<T>,
): Promise<T | undefined> {
  return await ifPresent(async () => {
    await using root = await openFolder(webroot);
    await using wellKnown = await root.open(challengeFolders[0]);
    await using folder = await wellKnown.open(challengeFolders[1]);
    return await work(folder);
  });
}

async function ifPresent<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
