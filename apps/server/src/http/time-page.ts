import { firstId, idMilliseconds } from '@acmex/storage';
import { firstWindowMs, type Newest, newestFirst } from './newest-first.ts';

/** Records whose ids are of `newId`. */
export interface TimedList<T extends { readonly id: string }> {
  /** What the ids begin with, without the `_` behind it. */
  readonly prefix: string;
  /** Lists what has an id behind `after`, the oldest first. */
  readonly list: (options: {
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  }) => AsyncIterable<T>;
}

export interface TimePage<T> {
  readonly sort: 'oldest' | 'newest';
  /** RFC 3339 */
  readonly since?: string | undefined;
  /** RFC 3339; what is of this moment is left out. */
  readonly until?: string | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
  /** Milliseconds since 1970 */
  readonly nowMs: number;
  readonly where: (record: T) => boolean;
}

/** How many records are looked at for one page. */
const scanLimit = 2000;

/** Returns a page of records, the oldest or the newest first. */
export async function timePage<T extends { readonly id: string }>(
  listed: TimedList<T>,
  page: TimePage<T>,
): Promise<Newest<T>> {
  return page.sort === 'oldest' ? await oldestPage(listed, page) : await newestPage(listed, page);
}

async function newestPage<T extends { readonly id: string }>(
  { prefix, list }: TimedList<T>,
  { since, until, cursor, nowMs, limit, where }: TimePage<T>,
): Promise<Newest<T>> {
  // A process with a clock that is ahead has written records of the near future.
  const latest = firstId(prefix, nowMs + firstWindowMs);
  const [before = latest] = defined(cursor, startOf(prefix, until)).sort();
  for await (const { id } of list({ limit: 1 })) {
    const sinceMs = since === undefined ? -Infinity : Date.parse(since);
    const beginMs = Math.max(sinceMs, idMilliseconds(id));
    if (beginMs > idMilliseconds(before)) break;
    const listAfter = (after: string) => list({ after });
    return await newestFirst({ prefix, beginMs, before, limit, where, listAfter });
  }
  return { items: [], next: undefined, scanned: 0 };
}

async function oldestPage<T extends { readonly id: string }>(
  { prefix, list }: TimedList<T>,
  { since, until, cursor, limit, where }: TimePage<T>,
): Promise<Newest<T>> {
  const after = defined(cursor, startOf(prefix, since)).sort().at(-1);
  const end = startOf(prefix, until);
  const items: T[] = [];
  let [scanned, next] = [0, undefined as string | undefined];
  for await (const record of list({ after, limit: scanLimit + 1 })) {
    if (end !== undefined && record.id >= end) break;
    if (scanned === scanLimit || items.length === limit) return { items, next, scanned };
    [scanned, next] = [scanned + 1, record.id];
    if (where(record)) items.push(record);
  }
  return { items, next: undefined, scanned };
}

/** Returns what all ids from a moment on are behind. */
function startOf(prefix: string, moment: string | undefined): string | undefined {
  return moment === undefined ? undefined : firstId(prefix, Math.max(0, Date.parse(moment)));
}

function defined(...ids: readonly (string | undefined)[]): string[] {
  return ids.filter((id) => id !== undefined);
}
