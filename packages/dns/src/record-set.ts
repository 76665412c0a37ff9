import type { Clock } from '@acmex/clock';
import { withRetries } from './json-api.ts';
import { DnsError } from './errors.ts';
import type { DnsOptions, TxtRecord } from './provider.ts';

/** The TXT records of a name as one object, as many hosts have them. */
export interface RecordSet {
  /** As the host writes them, mostly in quotes. */
  readonly values: readonly string[];
  readonly ttl: number;
}

/** What is wanted of a record set; undefined where it is right already. */
export type RecordSetEdit = (set: RecordSet) => RecordSet | undefined;

/** How a host writes a value: `quoted` and `unquoted`, or its own way. */
export interface ValueText {
  readonly write: (value: string) => string;
  readonly read: (text: string) => string;
}

export interface EditedRecordSet<There extends RecordSet, Done> extends DnsOptions {
  readonly provider: string;
  /** The whole name. */
  readonly name: string;
  readonly clock: Clock;
  /** undefined: there is none. */
  readonly find: () => Promise<There | undefined>;
  /** Of a set that there is not. */
  readonly ttl: number;
  /**
   * Replaces the set that was read with the wanted one, if nothing has changed it; removes it if
   * there are no values. Returns undefined if something has changed it.
   */
  readonly replace: (there: There | undefined, wanted: RecordSet) => Promise<Done | undefined>;
}

/** Adds a value beside those of others; their time to live stays, unless the record has one. */
export function withValue({ value, ttl }: TxtRecord, { read, write }: ValueText): RecordSetEdit {
  return (set) =>
    set.values.some((text) => read(text) === value)
      ? undefined
      : { ttl: ttl ?? set.ttl, values: [...set.values, write(value)] };
}

/** Takes a value away, and leaves those of others. */
export function withoutValue(
  { value }: TxtRecord,
  { read }: Pick<ValueText, 'read'>,
): RecordSetEdit {
  return (set) =>
    set.values.some((text) => read(text) === value)
      ? { ...set, values: set.values.filter((text) => read(text) !== value) }
      : undefined;
}

/**
 * Changes a record set at a host that replaces it only as it was read: reads it again, ten times at
 * most after growing pauses, where someone else came in between.
 * @returns what `replace` returned; undefined where there was nothing to do
 * @throws DnsError `ERR_DNS_API` where others change it all the time
 */
export async function editRecordSet<There extends RecordSet, Done>(
  { provider, name, clock, find, ttl, replace, signal }: EditedRecordSet<There, Done>,
  edit: RecordSetEdit,
): Promise<Done | undefined> {
  for (let count = 1; count <= 10; count++) {
    const there = await find();
    const wanted = edit(there ?? { values: [], ttl });
    if (!wanted) return undefined;
    const done = await replace(there, wanted);
    if (done !== undefined) return done;
    await clock.sleep({ milliseconds: 100 * count }, { signal });
  }
  throw new DnsError(
    'ERR_DNS_API',
    `${provider}: others changed the TXT records of ${name} ten times in between: try again later`,
  );
}

/**
 * Changes a record set at a host that replaces whatever is there, and cannot be asked to do so only
 * if no one came in between: where the host is in trouble, every further attempt reads the set
 * again, so that none writes what others have overtaken while it paused.
 * @param set its `replace` calls the host `once`
 * @returns what `replace` returned; undefined where there was nothing to do
 * @throws what find and replace throw
 */
export async function overwriteRecordSet<There extends RecordSet, Done>(
  { clock, find, ttl, replace, signal }: Omit<EditedRecordSet<There, Done>, 'provider' | 'name'>,
  edit: RecordSetEdit,
): Promise<Done | undefined> {
  return await withRetries({ clock, signal }, async () => {
    const there = await find();
    const wanted = edit(there ?? { values: [], ttl });
    try {
      return { value: wanted && (await replace(there, wanted)) };
    } catch (error) {
      if (error instanceof DnsError) return { error };
      throw error;
    }
  });
}
