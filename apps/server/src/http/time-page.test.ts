import { virtualClock } from '@acmex/clock';
import { type AcmexEvent, eventChange } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { timedEvents } from '../events/events.ts';
import { timePage, type TimePage } from './time-page.ts';

const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });

/** A storage with events at the hours of a day, three at each of them. */
async function written() {
  const storage = memoryStorage();
  for (let hour = 0; hour < 24; hour += 1) {
    for (let count = 0; count < 3; count += 1)
      await storage.write([eventChange({ type: 'account_updated', message: `${hour}` }, clock)]);
    await clock.advance({ hours: 1 });
  }
  return timedEvents(storage);
}

type Page = Omit<TimePage<AcmexEvent>, 'nowMs' | 'where'>;

describe('a list of what happened', () => {
  it.each(['oldest', 'newest'] as const)(
    'has the same, with the %s first, in pages of every size',
    async (sort) => {
      const start = clock.now();
      const listed = await written();
      const all = async (page: Page) => {
        const messages: string[] = [];
        for (let cursor: string | undefined, isFirst = true; isFirst || cursor; isFirst = false) {
          const { items, next } = await timePage(listed, {
            ...page,
            cursor,
            nowMs: clock.now().epochMilliseconds,
            where: ({ message }) => message !== '7',
          });
          messages.push(...items.map(({ message = '' }) => message));
          cursor = next;
        }
        return messages;
      };
      const hours = Array.from({ length: 24 }, (_, hour) => `${hour}`)
        .filter((hour) => hour !== '7')
        .flatMap((hour) => [hour, hour, hour]);
      const expected = sort === 'oldest' ? hours : hours.reverse();
      for (const limit of [1, 2, 7, 100]) expect(await all({ sort, limit })).toEqual(expected);
      const since = start.add({ hours: 4 }).toString();
      const until = start.add({ hours: 9 }).toString();
      expect(new Set(await all({ sort, limit: 4, since, until }))).toEqual(
        new Set(['4', '5', '6', '8']),
      );
      expect(await all({ sort, limit: 4, since: until, until: since })).toEqual([]);
    },
  );

  it.each(['oldest', 'newest'] as const)(
    'is empty where nothing has happened, with the %s first',
    async (sort) => {
      const page = { sort, limit: 10, nowMs: clock.now().epochMilliseconds, where: () => true };
      expect(await timePage(timedEvents(memoryStorage()), page)).toEqual({
        items: [],
        next: undefined,
        scanned: 0,
      });
    },
  );
});
