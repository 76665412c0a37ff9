import { type Change, CorruptEntryError, type Entry, keyOf } from '@acmex/storage';

const longestHeader = 100;

/** An entry as it lies in Redis: a first line `acmex1 <version>`, with ` secret` behind it where it is one, then the bytes as given. */
export function bytesOf(
  version: string,
  { value, secret = false }: Extract<Change, { readonly set: string }>,
): Buffer {
  return Buffer.concat([Buffer.from(`acmex1 ${version}${secret ? ' secret' : ''}\n`), value]);
}

/** Reads what lies under a key; null: nothing, though the index names the key. @throws CorruptEntryError */
export function entryOf(key: string, bytes: Buffer | null): Entry {
  if (bytes === null)
    throw new CorruptEntryError(
      key,
      'Redis has lost its value: it was evicted (maxmemory-policy must be noeviction), or another program removed it',
    );
  const end = bytes.subarray(0, longestHeader).indexOf('\n');
  const [, version, secret] =
    /^acmex1 (\S+)( secret)?$/.exec(bytes.toString('latin1', 0, Math.max(end, 0))) ?? [];
  if (version === undefined)
    throw new CorruptEntryError(key, 'another program wrote it, or a newer AcmeX');
  return {
    key,
    value: new Uint8Array(bytes.subarray(end + 1)),
    version,
    secret: secret !== undefined,
  };
}

/** A change as the script of a write reads it: verb, key, condition, bytes. */
export function argumentsOf(
  change: Change,
  bytes: Buffer | undefined,
): readonly (string | Buffer)[] {
  const { ifVersion } = change;
  const condition = ifVersion === undefined ? '*' : ifVersion === null ? '-' : `=${ifVersion}`;
  return [
    'set' in change ? 'set' : 'remove' in change ? 'remove' : 'check',
    keyOf(change),
    condition,
    bytes ?? '',
  ];
}
