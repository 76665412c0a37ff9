import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const appendNoLink =
  constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;

/**
 * Appends a line to a file, and flushes it. A last line that a crash has cut is ended first. The
 * file is created where it does not exist; no symbolic link is followed.
 * @param mode of a file that is created
 */
export async function appendLine(
  path: string,
  line: string,
  { mode }: { readonly mode: number },
): Promise<void> {
  const file = await open(path, appendNoLink, mode);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const isCut = size > 0 && last.toString() !== '\n';
    await file.appendFile(`${isCut ? '\n' : ''}${line}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}
