import { join } from 'node:path';
import { CorruptEntryError, type Entry } from '@acmex/storage';

/** What the driver keeps for itself; no key begins with a dot. */
export const ownFolder = '.acmex';
/** The file that says what the folder is. */
export const format = 'FORMAT';
/** Is in no key, so that `a` (the file `a=`) and `a/b` (in the folder `a`) can both exist. */
export const mark = '=';
const head = /^acmex1 ([\w.-]{1,100})( secret)?\n/;
const longestHead = 120;

export function fileOf(root: string, key: string): string {
  return join(root, `${key}${mark}`);
}

/**
 * Whether a name in the folder of a storage is not that of keys: one of the driver, or a hidden one,
 * which programs leave where the folder is the home of a user.
 */
export function isBesideKeys(name: string): boolean {
  return name === format || name.startsWith('.');
}

/** The last part of the key that a file holds; undefined for a file that is not ours. */
export function partOf(fileName: string): string | undefined {
  const part = fileName.slice(0, -mark.length);
  return fileName.endsWith(mark) && isPart(part) ? part : undefined;
}

/** Whether a path within the storage is that of the file of a key. */
export function isEntryFile(path: string): boolean {
  const segments = path.split('/');
  const last = partOf(segments.pop() ?? '');
  return last !== undefined && segments.every(isPart);
}

export function isPart(text: string): boolean {
  return /^[a-z0-9_~-][a-z0-9._~-]{0,119}$/.test(text);
}

/**
 * First line `acmex1 <version>`, with ` secret` behind it where the value is one; then the bytes as
 * given.
 */
export function fileBytes({
  value,
  version,
  secret,
}: Pick<Entry, 'value' | 'version' | 'secret'>): Uint8Array {
  return Buffer.concat([
    Buffer.from(`acmex1 ${version}${secret ? ' secret' : ''}\n`, 'latin1'),
    value,
  ]);
}

/** @throws CorruptEntryError */
export function entryIn(key: string, bytes: Buffer): Entry {
  const header = head.exec(bytes.toString('latin1', 0, longestHead));
  const [line, version, secret] = header ?? [];
  if (line === undefined || version === undefined)
    throw new CorruptEntryError(
      key,
      `its file ${key}${mark} does not begin as one of this storage: it was truncated, or comes from elsewhere`,
    );
  return {
    key,
    value: new Uint8Array(bytes.subarray(line.length)),
    version,
    secret: secret !== undefined,
  };
}
