import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '@acmex/errors';

export interface FileToPlace {
  /** Made where they are absent, the outer before the inner. */
  readonly folders: readonly string[];
  /** Its path, inside the last of `folders`. */
  readonly file: string;
  readonly content: string;
}

/** Puts a file in its place, replacing what is there. Another process may remove the folders, as long as they are empty. */
export async function placeFile({ folders, file, content }: FileToPlace): Promise<void> {
  for (let attemptsLeft = 100; ; attemptsLeft--) {
    try {
      for (const folder of folders) await makeFolder(folder);
      return await replaceFile(file, content);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || attemptsLeft === 0) throw error;
    }
  }
}

/** Removes a folder; one that is in use or gone is left as it is. */
export async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(unless('ENOTEMPTY', 'EEXIST', 'ENOENT'));
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder).then(() => chmod(folder, 0o755), unless('EEXIST'));
}

/** Renamed into its place: never half there, and a link in that place is replaced, not followed. */
async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}`);
  try {
    await writeNew(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeNew(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.chmod(0o644);
    await file.writeFile(content);
  } finally {
    await file.close();
  }
}

function unless(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!codes.includes(errorCode(error) ?? '')) throw error;
  };
}
