import { readFile } from 'node:fs/promises';
import type { FileAttributes } from '@acmex/files';
import { DeployError } from './errors.ts';

/** Who may do what with deployed files. */
export interface Permissions {
  /**
   * The user that the files belong to, by name or number. Default: that of the file that is
   * replaced, or the current user.
   */
  readonly owner?: string | undefined;
  /**
   * The group that the files belong to, by name or number. Default: that of the file that is
   * replaced, or the current group.
   */
  readonly group?: string | undefined;
  /**
   * Of the certificates. Default: that of the file that is replaced, at most 0644; 0644 for a new
   * file.
   */
  readonly mode?: number | undefined;
  /**
   * Of the key, and of files with the key in them; never readable by everybody. Default: that of
   * the file that is replaced, at most 0640; 0600 for a new file.
   */
  readonly keyMode?: number | undefined;
}

/**
 * Returns how the files of a target are written.
 *
 * @throws DeployError `ERR_DEPLOY_TARGET` for a user or group that this machine does not have, or a
 * mode that shows the key
 */
export async function fileAttributes({
  owner,
  group,
  mode,
  keyMode,
}: Permissions): Promise<{ readonly key: FileAttributes; readonly certificate: FileAttributes }> {
  if (keyMode !== undefined && (keyMode & 0o007) !== 0)
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `the mode ${keyMode.toString(8)} would show the private key to everyone: use 0600, or 0640 with a group`,
    );
  const uid = await idIn('/etc/passwd', 'user', owner);
  const gid = await idIn('/etc/group', 'group', group);
  const keep = (fresh: number, widest: number, chosen: number | undefined) =>
    chosen === undefined ? { mode: fresh, keepModeWithin: widest } : { mode: chosen };
  return {
    key: { uid, gid, ...keep(0o600, 0o640, keyMode) },
    certificate: { uid, gid, ...keep(0o644, 0o644, mode) },
  };
}

async function idIn(
  file: string,
  kind: string,
  name: string | undefined,
): Promise<number | undefined> {
  if (name === undefined) return undefined;
  if (/^\d{1,10}$/.test(name)) return Number(name);
  const fields = (await readFile(file, 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .find(([entryName]) => entryName === name);
  if (fields?.[2] === undefined)
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `this machine has no ${kind} ${JSON.stringify(name)}: correct it, or use a number`,
    );
  return Number(fields[2]);
}
