import { firstId, idMilliseconds } from '@acmex/storage';

/** The length of the first window. */
export const firstWindowMs = 60_000;
/** How many are looked at for one page. */
const scanLimit = 2000;
/** How many are read at once: a window of time with more is made smaller. */
const windowLimit = 250;

/** A part of a list whose ids are of `newId`. */
export interface NewestOptions<T extends { readonly id: string }> {
  /** What the ids begin with, without the `_` behind it. */
  readonly prefix: string;
  /** Nothing is older. Milliseconds since 1970. */
  readonly beginMs: number;
  /** The id that all come before. */
  readonly before: string;
  readonly limit: number;
  readonly where: (item: T) => boolean;
  /** Lists what has an id behind this one, the oldest first. */
  readonly listAfter: (id: string) => AsyncIterable<T>;
}

export interface Newest<T> {
  readonly items: readonly T[];
  /** Asks for earlier ones, as `before`; undefined where there are none. */
  readonly next: string | undefined;
  readonly scanned: number;
}

/**
 * Lists the newest first. A storage lists keys in ascending order: so this reads windows of time
 * backwards, longer ones where there is little.
 */
export async function newestFirst<T extends { readonly id: string }>({
  limit,
  where,
  ...list
}: NewestOptions<T>): Promise<Newest<T>> {
  const { prefix, beginMs } = list;
  const items: T[] = [];
  let [end, windowMs, scanned] = [list.before, firstWindowMs, 0];
  while (scanned < scanLimit) {
    const startMs = Math.max(beginMs, idMilliseconds(end) - windowMs);
    const start = firstId(prefix, startMs);
    const read = await between(list.listAfter(start), {
      end,
      limit: windowMs > 1 ? windowLimit : Infinity,
    });
    scanned += read.items.length;
    if (!read.isComplete) {
      windowMs = Math.max(1, Math.floor(windowMs / 16));
      continue;
    }
    for (const item of read.items.reverse().filter(where)) {
      if (items.length === limit) return { items, next: items.at(-1)?.id, scanned };
      items.push(item);
    }
    if (startMs <= beginMs) return { items, next: undefined, scanned };
    end = start;
    if (read.items.length < windowLimit / 8) windowMs *= 4;
  }
  return { items, next: end, scanned };
}

/** Reads a window of time, the oldest first, unless there is more than `limit` in it. */
async function between<T extends { readonly id: string }>(
  list: AsyncIterable<T>,
  { end, limit }: { readonly end: string; readonly limit: number },
): Promise<{ readonly items: T[]; readonly isComplete: boolean }> {
  const items: T[] = [];
  for await (const item of list) {
    if (item.id >= end) break;
    if (items.length === limit) return { items, isComplete: false };
    items.push(item);
  }
  return { items, isComplete: true };
}
