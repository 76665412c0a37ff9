import { type Change, CorruptEntryError, type Entry, keyOf } from '@acmex/storage';

const longestHeader = 100;

/**
 * Encodes an entry for Redis: a first line `acmex1 <version>`, with ` secret` appended for a
 * secret, then the bytes of the value.
 */
export function bytesOf(
  version: string,
  { value, secret = false }: Extract<Change, { readonly set: string }>,
): Buffer {
  return Buffer.concat([Buffer.from(`acmex1 ${version}${secret ? ' secret' : ''}\n`), value]);
}

/**
 * Decodes an entry.
 *
 * @param bytes the value in Redis; null if it is missing although the index has the key
 * @throws CorruptEntryError
 */
export function entryOf(key: string, bytes: Buffer | null): Entry {
  if (bytes === null)
    throw new CorruptEntryError(
      key,
      'Redis has lost its value: it was evicted (maxmemory-policy must be noeviction), or a different program removed it',
    );
  const end = bytes.subarray(0, longestHeader).indexOf('\n');
  const [, version, secret] =
    /^acmex1 (\S+)( secret)?$/.exec(bytes.toString('latin1', 0, Math.max(end, 0))) ?? [];
  if (version === undefined)
    throw new CorruptEntryError(key, 'a different program or a newer AcmeX wrote it');
  return {
    key,
    value: new Uint8Array(bytes.subarray(end + 1)),
    version,
    secret: secret !== undefined,
  };
}

/** Encodes a change as the arguments of the write script: verb, key, condition, bytes. */
export function argumentsOf(
  change: Change,
  bytes: Buffer | undefined,
): readonly (string | Buffer)[] {
  return [verbOf(change), keyOf(change), conditionOf(change), bytes ?? ''];
}

function verbOf(change: Change): 'set' | 'remove' | 'check' {
  if ('set' in change) return 'set';
  return 'remove' in change ? 'remove' : 'check';
}

/** `*`: no condition; `-`: the key must not exist; `=…`: the version that it must have. */
function conditionOf({ ifVersion }: Change): string {
  if (ifVersion === undefined) return '*';
  return ifVersion === null ? '-' : `=${ifVersion}`;
}
