import { createHash, randomBytes } from 'node:crypto';
import { type Clock, systemClock, timestamp } from '@acmex/clock';
import {
  copy,
  type Entry,
  inBatches,
  isLock,
  jsonRecord,
  type Storage,
  StorageError,
} from '@acmex/storage';
import {
  type EncryptionKey,
  type EncryptionKeyInput,
  newPassphraseSetting,
  type PassphraseSetting,
  passphraseSetting,
  resolveKey,
} from './encryption-key.ts';
import { frame, inFrames } from './frames.ts';
import { open, seal } from './sealed-value.ts';

/** The unencrypted beginning of a backup. */
interface BackupHead {
  /** Identifies this backup, so that no frame of a different backup can be inserted. */
  readonly id: string;
  /** RFC 3339. */
  readonly takenAt: string;
  readonly keyId: string;
  readonly passphrases: PassphraseSetting;
}

/** The content of a backup in numbers. */
export interface BackupSummary {
  /** RFC 3339. */
  readonly takenAt: string;
  readonly entries: number;
  /** SHA-256 over all entries, hexadecimal; equal for backups of the same content. */
  readonly digest: string;
  readonly skipped: readonly { readonly key: string; readonly reason: string }[];
}

export interface BackupOptions {
  readonly key: EncryptionKeyInput;
  readonly onProgress?: ((entries: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

const head = jsonRecord<BackupHead>({
  kind: 'backup',
  version: 1,
  check(record) {
    const { id, takenAt, keyId, passphrases } = record as Readonly<
      Record<keyof BackupHead, unknown>
    >;
    if (typeof id !== 'string' || typeof takenAt !== 'string' || typeof keyId !== 'string')
      throw new TypeError('its beginning is incomplete');
    return { id, takenAt, keyId, passphrases: passphraseSetting(passphrases) };
  },
});
const end = jsonRecord<Omit<BackupSummary, 'takenAt'>>({
  kind: 'end of a backup',
  version: 1,
  check(record) {
    const { entries, digest, skipped } = record as Readonly<Record<keyof BackupSummary, unknown>>;
    if (!Number.isSafeInteger(entries) || typeof digest !== 'string' || !Array.isArray(skipped))
      throw new TypeError('its end is incomplete');
    const reasons = skipped.map((entry: unknown) => {
      const { key, reason } = Object(entry) as Readonly<Record<'key' | 'reason', unknown>>;
      return { key: String(key), reason: String(reason) };
    });
    return { entries: Number(entries), digest, skipped: reasons };
  },
});
const mark = 'acmex-backup';
const queues = 'queue/';

/**
 * Backs up all entries of a storage as they are at a single moment, even while others write. The
 * backup is encrypted, and ends with a count and a digest, so that any missing, moved or altered
 * frame is detected. Locks and queues are not included. Entries that cannot be read are listed in
 * the summary that `restore` and `readBackup` return.
 *
 * @returns the bytes of a file
 */
export async function* backup(
  storage: Storage,
  { key: input, onProgress, signal, clock = systemClock }: BackupOptions,
): AsyncGenerator<Uint8Array> {
  const passphrases = newPassphraseSetting();
  const key = await resolveKey(input, passphrases);
  const beginning = head.bytes({
    id: randomBytes(16).toString('hex'),
    takenAt: timestamp(clock.now()),
    keyId: key.id,
    passphrases,
  });
  const frameName = frameNames(beginning);
  yield frame(beginning);

  const skipped: { readonly key: string; readonly reason: string }[] = [];
  const onCorrupt = (error: Error) =>
    skipped.push({ key: 'key' in error ? String(error.key) : '?', reason: error.message });
  const hash = createHash('sha256');
  let entries = 0;
  for await (const entry of storage.snapshot({ signal, onCorrupt })) {
    if (isLock(entry.key) || entry.key.startsWith(queues)) continue;
    const bytes = packed(entry);
    hash.update(bytes);
    yield frame(seal({ key: frameName(entries), value: bytes, secret: false }, key));
    entries += 1;
    onProgress?.(entries);
  }
  yield frame(
    seal(
      {
        key: frameName('end'),
        value: end.bytes({ entries, digest: hash.digest('hex'), skipped }),
        secret: false,
      },
      key,
    ),
  );
}

/** Returns the bytes of a backup from the beginning; called more than once. */
export type BackupSource = () => AsyncIterable<Uint8Array>;

export interface RestoreOptions {
  /** They must include the key of the backup. */
  readonly keys: readonly EncryptionKeyInput[];
  readonly onProgress?: ((entries: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a whole backup and verifies every frame.
 *
 * @throws StorageError `ERR_STORAGE_CORRUPT`, `ERR_STORAGE_ENCRYPTION`, `ERR_STORAGE_NEWER`
 */
export async function readBackup(
  source: BackupSource,
  { keys, onProgress, signal }: RestoreOptions,
): Promise<BackupSummary> {
  const entries = entriesIn(source, { keys, signal });
  for (let count = 1; ; count += 1) {
    const next = await entries.next();
    if (next.done) return next.value;
    onProgress?.(count);
  }
}

/**
 * Writes a backup into an empty storage, after verifying the whole backup; each written entry is
 * read back. Locks that are acquired afterwards have greater tokens than any before, because tokens
 * grow with the wall clock.
 *
 * @throws StorageError `ERR_STORAGE_INPUT` if the storage is not empty; the errors of `readBackup`
 */
export async function restore(
  source: BackupSource,
  storage: Storage,
  { keys, onProgress, signal }: RestoreOptions,
): Promise<BackupSummary> {
  for await (const { key } of storage.list('', { limit: 1, signal }))
    throw new StorageError(
      'ERR_STORAGE_INPUT',
      `the storage is not empty (it holds ${key}): restore into a new storage`,
      { key },
    );
  const summary = await readBackup(source, { keys, signal });
  let written = 0;
  for await (const batch of inBatches(entriesIn(source, { keys, signal }))) {
    await copy(batch, storage, signal);
    written += batch.length;
    onProgress?.(written);
  }
  return summary;
}

/** Yields the entries of a backup, and returns the summary at its end. */
async function* entriesIn(
  source: BackupSource,
  { keys, signal }: RestoreOptions,
): AsyncGenerator<Entry, BackupSummary> {
  let opened: Opened | undefined;
  let summary: BackupSummary | undefined;
  const hash = createHash('sha256');
  let entries = 0;
  for await (const bytes of inFrames(source())) {
    signal?.throwIfAborted();
    if (summary) throw damaged('there is data after its end');
    if (!opened) {
      opened = await unlocked(bytes, keys);
      continue;
    }
    const value = tryOpen(bytes, opened.frameName(entries), opened.keys);
    if (value) {
      hash.update(value);
      entries += 1;
      yield unpacked(value);
    } else {
      summary = {
        takenAt: opened.takenAt,
        ...end.read({ key: mark, value: mustOpen(bytes, opened.frameName('end'), opened.keys) }),
      };
      if (summary.entries !== entries || summary.digest !== hash.digest('hex'))
        throw damaged('its end does not match its entries');
    }
  }
  if (!summary) throw damaged('its end is missing');
  return summary;
}

interface Opened {
  readonly takenAt: string;
  readonly frameName: ReturnType<typeof frameNames>;
  readonly keys: ReadonlyMap<string, EncryptionKey>;
}

async function unlocked(bytes: Uint8Array, inputs: readonly EncryptionKeyInput[]): Promise<Opened> {
  const beginning = head.read({ key: mark, value: bytes });
  const keys = await Promise.all(inputs.map((input) => resolveKey(input, beginning.passphrases)));
  if (!keys.some(({ id }) => id === beginning.keyId))
    throw new StorageError(
      'ERR_STORAGE_ENCRYPTION',
      `the backup is encrypted with the key ${beginning.keyId}, not with ${keys.map(({ id }) => id).join(' or ')}: use that key`,
    );
  return {
    takenAt: beginning.takenAt,
    frameName: frameNames(bytes),
    keys: new Map(keys.map((key) => [key.id, key])),
  };
}

function tryOpen(
  bytes: Uint8Array,
  key: string,
  keys: ReadonlyMap<string, EncryptionKey>,
): Uint8Array | undefined {
  try {
    return open({ key, value: bytes, version: '', secret: false }, keys).value;
  } catch {
    // It may be the last frame, which the caller opens next; a failure there is an error.
    return undefined;
  }
}

function mustOpen(
  bytes: Uint8Array,
  key: string,
  keys: ReadonlyMap<string, EncryptionKey>,
): Uint8Array {
  try {
    return open({ key, value: bytes, version: '', secret: false }, keys).value;
  } catch (cause) {
    throw damaged('a frame was altered, moved or is missing', cause);
  }
}

/**
 * Returns the names that bind each frame to its place in this backup, and to every byte of the
 * beginning.
 */
function frameNames(beginning: Uint8Array): (place: number | 'end') => string {
  const digest = createHash('sha256').update(beginning).digest('hex');
  return (place) => `${mark}/${digest}/${place}`;
}

function damaged(why: string, cause?: unknown): StorageError {
  return new StorageError(
    'ERR_STORAGE_CORRUPT',
    `the backup is damaged: ${why}; make a new backup`,
    { cause },
  );
}

/**
 * Encodes an entry without its version: a byte of flags, two bytes for the length of the key, the
 * key, the value.
 */
function packed({ key, value, secret }: Entry): Uint8Array {
  const name = Buffer.from(key, 'latin1');
  return Buffer.concat([
    Uint8Array.of(secret ? 1 : 0, name.length >> 8, name.length & 0xff),
    name,
    value,
  ]);
}

function unpacked(bytes: Uint8Array): Entry {
  const [flags = 0, high = 0, low = 0] = bytes;
  const length = high * 256 + low;
  return {
    key: Buffer.from(bytes.subarray(3, 3 + length)).toString('latin1'),
    value: bytes.subarray(3 + length),
    version: '',
    secret: flags === 1,
  };
}
