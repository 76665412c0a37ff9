import { StorageError } from '@acmex/storage';

/** The limit of a frame in bytes, larger than any encrypted entry. */
const longest = 2 * 1024 * 1024;

/** Prefixes bytes with their length in four bytes. */
export function frame(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/**
 * Splits a stream of chunks into frames.
 *
 * @throws StorageError `ERR_STORAGE_CORRUPT`
 */
export async function* inFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const length = rest.length < 4 ? Infinity : rest.readUInt32BE();
      if (length !== Infinity && length > longest)
        throw new StorageError(
          'ERR_STORAGE_CORRUPT',
          'this is not a backup of a storage, or it is damaged',
        );
      if (rest.length < 4 + length) break;
      yield rest.subarray(4, 4 + length);
      rest = rest.subarray(4 + length);
    }
  }
  if (rest.length > 0)
    throw new StorageError(
      'ERR_STORAGE_CORRUPT',
      'the backup ends in the middle of an entry: it was cut short',
    );
}
