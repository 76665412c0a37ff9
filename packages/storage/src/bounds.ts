import { StorageError } from './errors.ts';
import type { Change } from './storage.ts';

const segmentPattern = /^[a-z0-9_~-][a-z0-9._~-]{0,119}$/;
const longestKey = 500;
/** 1 MiB, and what an encrypting wrapper adds. */
const largestValue = 1024 * 1024 + 1024;
const mostChanges = 100;

/** The key itself. @throws StorageError `ERR_STORAGE_INPUT` */
export function checkedKey(key: string): string {
  if (key.length > longestKey)
    throw refused(`a key may have ${longestKey} bytes, and ${quoted(key)} has ${key.length}`);
  const wrong = key.split('/').find((segment) => !segmentPattern.test(segment));
  if (wrong !== undefined)
    throw refused(
      `${quoted(key)} is not a valid key: ${wrong === '' ? 'a part of it is empty' : `${quoted(wrong)} is not 1 to 120 of a-z 0-9 . _ ~ - without . in front`}`,
    );
  return key;
}

/** The prefix itself: empty, or a key. @throws StorageError `ERR_STORAGE_INPUT` */
export function checkedPrefix(prefix: string): string {
  return prefix === '' ? prefix : checkedKey(prefix);
}

/** The changes themselves. @throws StorageError `ERR_STORAGE_INPUT` */
export function checkedChanges(changes: readonly Change[]): readonly Change[] {
  if (changes.length > mostChanges)
    throw refused(`a write may have ${mostChanges} changes, and this one has ${changes.length}`);
  const keys = changes.map((change) => checkedKey(keyOf(change)));
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) throw refused(`${twice} appears twice in one write`);
  for (const change of changes) {
    if ('set' in change && change.value.byteLength > largestValue)
      throw new StorageError(
        'ERR_STORAGE_INPUT',
        `the value of ${change.set} has ${change.value.byteLength} bytes, and may have 1 MiB`,
        { key: change.set },
      );
  }
  return changes;
}

/** The key that a change is about. */
export function keyOf(change: Change): string {
  if ('set' in change) return change.set;
  return 'remove' in change ? change.remove : change.check;
}

const refused = (message: string) => new StorageError('ERR_STORAGE_INPUT', message);
const quoted = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
