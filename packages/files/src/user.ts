import type { Stats } from 'node:fs';

/** What a check of permissions needs of a file. */
export type FileOwner = Pick<Stats, 'uid' | 'mode'>;

/** Returns the user that this process acts as; undefined on Windows, which has no such numbers. */
export function currentUser(): number | undefined {
  return process.geteuid?.();
}

/** Whether a file belongs to root or to the user that this process acts as. */
export function isOurs({ uid }: Pick<FileOwner, 'uid'>): boolean {
  const user = currentUser();
  return user === undefined || uid === 0 || uid === user;
}

/**
 * Whether the mode lets group or others write. Access control lists show in the bits of the group.
 */
export function isOpenToOthers({ mode }: Pick<FileOwner, 'mode'>): boolean {
  return currentUser() !== undefined && (mode & 0o022) !== 0;
}

/** Whether entries of a folder can be renamed and removed by their owners only, as in /tmp. */
export function isSticky({ mode }: Pick<FileOwner, 'mode'>): boolean {
  return (mode & 0o1000) !== 0;
}
