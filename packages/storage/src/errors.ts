import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * What can go wrong with storage; `exit` is the exit code of a program that ends with it, `http`
 * the status of a service that passes it on.
 */
export const storageErrors = {
  ERR_STORAGE_CONFLICT: {
    meaning: 'A key was changed by someone else in the meantime: nothing was written.',
    cure: 'Read again, decide again, write again.',
    exit: 3,
    http: 409,
  },
  ERR_STORAGE_LOCK_LOST: {
    meaning: 'The lock was taken over by another holder: nothing was written.',
    cure: 'Stop this work: its successor continues it.',
    exit: 3,
    http: 409,
  },
  ERR_STORAGE_UNAVAILABLE: {
    meaning: 'The storage cannot be reached, or cannot write now.',
    cure: 'Read the message; try again when the storage is back.',
    exit: 3,
    http: 503,
  },
  ERR_STORAGE_CORRUPT: {
    meaning: 'An entry cannot be read: it was truncated, altered, or written by another program.',
    cure: 'Restore the entry that the message names from a backup, or remove it.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_STORAGE_NEWER: {
    meaning: 'A record was written by a newer version of the program.',
    cure: 'Update to the version that the message names.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_STORAGE_INPUT: {
    meaning: 'A key, a value or a list of changes cannot be stored.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_STORAGE_SECRET: {
    meaning: 'A secret would be stored where others can read it.',
    cure: 'Put storage-encrypted around the storage, or allow it knowingly.',
    exit: 2,
    http: 500,
  },
  ERR_STORAGE_ENCRYPTION: {
    meaning: 'The storage is not encrypted with the key given, or not at all.',
    cure: 'Give the key that the message names, or encrypt the storage in place.',
    exit: 2,
    http: 500,
  },
  ERR_STORAGE_PLACE: {
    meaning: 'The storage cannot be kept safely at this place.',
    cure: 'Choose the storage that the message names.',
    exit: 2,
    http: 500,
  },
} as const satisfies ErrorTable<'STORAGE'>;

export type StorageErrorCode = keyof typeof storageErrors;

export interface StorageErrorOptions {
  /** The key that the failure is about, where it is about one. */
  readonly key?: string | undefined;
  readonly cause?: unknown;
}

/** A failure of storage. Tell kinds apart by `code`. */
export class StorageError extends defineErrors('Storage', storageErrors) {
  readonly key: string | undefined;

  constructor(
    code: StorageErrorCode,
    message: string,
    { key, ...options }: StorageErrorOptions = {},
  ) {
    super(code, message, options);
    this.key = key;
  }
}

/**
 * `ERR_STORAGE_CONFLICT`: `key` is not of the version that the write asked for. Nothing was
 * written.
 */
export class ConflictError extends StorageError {
  override readonly name = 'ConflictError';

  constructor(key: string, options?: { readonly cause?: unknown }) {
    super('ERR_STORAGE_CONFLICT', `${key} was changed in the meantime: read it again`, {
      ...options,
      key,
    });
  }
}

/** `ERR_STORAGE_LOCK_LOST`: someone else holds the lock now. Nothing was written. */
export class LockLostError extends StorageError {
  override readonly name = 'LockLostError';

  constructor(key: string, options?: { readonly cause?: unknown }) {
    super(
      'ERR_STORAGE_LOCK_LOST',
      `${key} was taken over by another holder, because this one did not renew it in time`,
      { ...options, key },
    );
  }
}

/**
 * `ERR_STORAGE_UNAVAILABLE`: the storage is away, full or read-only. A write may or may not have
 * been done, or may be done later: read before repeating it.
 */
export class StorageUnavailableError extends StorageError {
  override readonly name = 'StorageUnavailableError';

  constructor(message: string, options?: StorageErrorOptions) {
    super('ERR_STORAGE_UNAVAILABLE', message, options);
  }
}

/** `ERR_STORAGE_CORRUPT`: the entry at `key` cannot be read. */
export class CorruptEntryError extends StorageError {
  override readonly name = 'CorruptEntryError';

  constructor(key: string, reason: string, options?: { readonly cause?: unknown }) {
    super('ERR_STORAGE_CORRUPT', `${key} cannot be read: ${reason}`, { ...options, key });
  }
}
