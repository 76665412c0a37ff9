import { errorText, printable } from '@acmex/errors';
import { CorruptEntryError, StorageError } from './errors.ts';
import type { Entry } from './storage.ts';

/** Turns a record of one shape into the next. */
export type Upgrade = (
  record: Readonly<Record<string, unknown>>,
) => Readonly<Record<string, unknown>>;

export interface RecordKind<T> {
  /** What the records are, in a message: `certificate`. */
  readonly kind: string;
  /** The version of the shape that is written. */
  readonly version: number;
  /** From each older version to the one after it: `upgrades[1]` makes a record of version 2. */
  readonly upgrades?: Readonly<Record<number, Upgrade>> | undefined;
  /** Returns what was read, and throws where it is not of the shape: see `schemaCheck`. */
  readonly check: (record: unknown) => T;
}

/** A schema of records, such as those of zod. */
export interface RecordSchema<T> {
  safeParse(record: unknown): { readonly success: true; readonly data: T } | SchemaRefusal;
}

interface SchemaRefusal {
  readonly success: false;
  readonly error: {
    readonly issues: readonly {
      readonly path: readonly PropertyKey[];
      readonly message: string;
    }[];
  };
}

/**
 * Returns the `check` of a schema. Its error names the first members that are wrong, and never
 * their values, which may be secrets.
 */
export function schemaCheck<T>(schema: RecordSchema<T>): (record: unknown) => T {
  return (record) => {
    const result = schema.safeParse(record);
    if (result.success) return result.data;
    const issues = result.error.issues
      .slice(0, 3)
      .map(({ path, message }) => [path.map(String).join('.'), message]);
    const texts = issues.map(([path, message]) => (path === '' ? message : `${path}: ${message}`));
    throw new TypeError(printable(texts.join('; '), 300));
  };
}

/**
 * JSON records that carry the version of their shape as `v`: older ones are upgraded when they are
 * read, newer ones are refused.
 */
export interface JsonRecord<T> {
  bytes(record: T): Uint8Array;
  /** @throws CorruptEntryError; StorageError `ERR_STORAGE_NEWER` */
  read(entry: Pick<Entry, 'key' | 'value'>): T;
}

const encoder = new TextEncoder();

export function jsonRecord<T>({
  kind,
  version,
  upgrades = {},
  check,
}: RecordKind<T>): JsonRecord<T> {
  return {
    bytes: (record) => encoder.encode(JSON.stringify({ v: version, ...record })),
    read({ key, value }) {
      let { v, ...record } = parsed(key, value);
      if (typeof v !== 'number' || !Number.isInteger(v) || v < 1)
        throw new CorruptEntryError(key, `this ${kind} says no version of its shape`);
      if (v > version)
        throw new StorageError(
          'ERR_STORAGE_NEWER',
          `${key} is a ${kind} of version ${v}, and this program reads up to ${version}: update it`,
          { key },
        );
      try {
        for (; v < version; v += 1) {
          const upgrade = upgrades[v];
          if (!upgrade) throw new TypeError(`nothing reads version ${v}`);
          record = { ...upgrade(record) };
        }
        return check(record);
      } catch (error) {
        throw new CorruptEntryError(key, `it is not a valid ${kind} (${errorText(error)})`, {
          cause: error,
        });
      }
    },
  };
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function parsed(key: string, value: Uint8Array): Record<string, unknown> & { v?: unknown } {
  try {
    const record: unknown = JSON.parse(decoder.decode(value));
    if (typeof record === 'object' && record !== null && !Array.isArray(record))
      return record as Record<string, unknown>;
  } catch (error) {
    throw new CorruptEntryError(key, 'it is not valid JSON', { cause: error });
  }
  throw new CorruptEntryError(key, 'it is not a JSON object');
}
