import { access, constants, opendir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errorCode, printable } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { finding, type Observation } from './finding.ts';

export interface FileAccessOptions {
  /** How the finding calls the folder. */
  readonly subject: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a check of files has seen. */
export type FileAccess = Extract<Observation, { readonly findings: unknown }>;

/** How many paths a finding names. */
const mostNamed = 3;
/** How many files and folders are checked. */
const mostChecked = 50_000;

/**
 * Checks whether the user of this process can read the files below a folder, and can add and remove
 * entries in its folders: the first 50,000 of them. Changes nothing, and follows no link below the
 * folder. Files that are removed while it runs are not a finding.
 * @throws the reason of the signal
 */
export async function checkFileAccess(
  folder: string,
  { subject, signal }: FileAccessOptions,
): Promise<FileAccess> {
  const refused: string[] = [];
  let count = 0;
  const visit = async (path: string, isFolder: boolean): Promise<void> => {
    signal?.throwIfAborted();
    if (count === mostChecked) return;
    count += 1;
    const { R_OK, W_OK, X_OK } = constants;
    try {
      await access(path, isFolder ? R_OK | W_OK | X_OK : R_OK);
      if (!isFolder) return;
      for await (const entry of await opendir(path))
        if (!entry.isSymbolicLink()) await visit(join(path, entry.name), entry.isDirectory());
    } catch (error) {
      signal?.throwIfAborted();
      if (errorCode(error) !== 'ENOENT' || path === folder)
        refused.push(`${path} (${fileErrorText(error)})`);
    }
  };
  await visit(folder, true);
  const rest = count === mostChecked ? '; more were not checked' : '';
  if (refused.length === 0)
    return { findings: [], saw: `${count} files and folders can be used${rest}` };
  const more = refused.length > mostNamed ? ` and ${refused.length - mostNamed} more` : '';
  const named = printable(refused.slice(0, mostNamed).join(', '), 1000);
  const user = userName();
  return {
    findings: [
      finding('ERR_CHECK_FILE_ACCESS', {
        subject,
        saw: `the user ${user} cannot use ${named}${more}`,
        cure: `Give the folder to the user that renews: chown -R ${user} ${printable(folder, 500)}; and run acmex as that user only.`,
      }),
    ],
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // This user has no name on this machine.
    return String(process.getuid?.());
  }
}
