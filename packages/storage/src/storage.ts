/** A value with its key and version. */
export interface Entry {
  /**
   * Parts joined by `/`; a part is 1 to 120 of `a-z 0-9 . _ ~ -` and does not begin with `.`; 500
   * bytes at most.
   */
  readonly key: string;
  /** At most 1 MiB; drivers take 1 KiB more, for wrappers that add to a value. */
  readonly value: Uint8Array;
  /** Opaque; never used twice for a key, not even after a removal. */
  readonly version: string;
  /**
   * Whether the value was marked as one that must not be stored in clear text where others can read
   * it.
   */
  readonly secret: boolean;
}

/**
 * One part of a write. `ifVersion`: the version that the key must have, or `null` where it must not
 * exist; absent: whatever is there.
 */
export type Change =
  | {
      readonly set: string;
      readonly value: Uint8Array;
      readonly ifVersion?: string | null | undefined;
      readonly secret?: boolean | undefined;
    }
  | { readonly remove: string; readonly ifVersion?: string | null | undefined }
  | { readonly check: string; readonly ifVersion: string | null };

export interface StorageCallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ReadManyOptions extends StorageCallOptions {
  /**
   * Called with each entry that cannot be read, and the reading continues. Without it the reading
   * ends there with that error.
   */
  readonly onCorrupt?: ((error: Error) => void) | undefined;
}

export interface ListOptions extends ReadManyOptions {
  /** Only keys behind this one, which need not exist. */
  readonly after?: string | undefined;
  /** At most so many entries; no limit by default. */
  readonly limit?: number | undefined;
}

/**
 * An ordered key-value store with versions and atomic writes.
 *
 * All failures are StorageErrors: besides those named below `ERR_STORAGE_INPUT` for keys, values
 * and changes out of their bounds, and `ERR_STORAGE_UNAVAILABLE`.
 */
export interface Storage extends AsyncDisposable {
  /** The entry under a key, or undefined. @throws CorruptEntryError */
  get(key: string, options?: StorageCallOptions): Promise<Entry | undefined>;
  /**
   * The entries whose keys begin with `prefix/`, or all where the prefix is empty, in the byte
   * order of their keys. Read while it is asked for: an entry that stays unchanged throughout
   * appears exactly once, of a changed one any version may appear. What it costs depends on what it
   * returns, not on what is stored.
   * @throws CorruptEntryError
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<Entry>;
  /**
   * Every entry as it was at one moment, in byte order, while others write.
   * @throws CorruptEntryError
   */
  snapshot(options?: ReadManyOptions): AsyncIterable<Entry>;
  /**
   * Writes all changes or none, even if the process crashes or others write. At most 100 changes,
   * and a key at most once. What was acknowledged stays. A reader of several keys may see some
   * before and some after a write: what must be read together is one value.
   * @returns the new versions of the keys that were set, in their order
   * @throws ConflictError when a key has not the version asked for
   */
  write(changes: readonly Change[], options?: StorageCallOptions): Promise<readonly string[]>;
}
