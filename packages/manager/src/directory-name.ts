import { createHash } from 'node:crypto';

/**
 * Returns the last part of a storage key for what belongs to a CA: `acme.example.com-` and a digest
 * of the whole URL, and of the account's name where it has one.
 */
export function directoryName(directory: string, accountName?: string): string {
  const host = new URL(directory).hostname.replaceAll(/[^a-z0-9.-]|^\.+/g, '').slice(0, 80);
  return `${host}-${directoryDigest(directory, accountName)}`;
}

export function directoryDigest(directory: string, accountName: string | undefined): string {
  return createHash('sha256')
    .update(accountName === undefined ? directory : `${directory} ${accountName}`)
    .digest('hex')
    .slice(0, 12);
}
