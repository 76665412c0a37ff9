import type { components } from '@acmex/api';

type TimelineEntry = components['schemas']['TimelineEntry'];

/** Entries without a gap, the newest first, and where earlier ones continue. */
export interface Entries {
  readonly items: readonly TimelineEntry[];
  readonly next?: string | undefined;
}

/**
 * Adds the newest page to what is shown. Where there could be entries between the two, what is shown
 * ends with the page.
 */
export function withNewest(known: Entries, page: Entries): Entries {
  const newest = known.items[0]?.id;
  // Everything behind `next` was read for the page.
  const isJoined = newest !== undefined && (page.next === undefined || newest >= page.next);
  if (!isJoined) return page;
  const items = page.items.filter(({ id }) => id > newest);
  return { items: [...items, ...known.items], next: known.next };
}

/** Adds the page that `next` asked for. */
export function withEarlier(known: Entries, page: Entries): Entries {
  return { items: [...known.items, ...page.items], next: page.next };
}
