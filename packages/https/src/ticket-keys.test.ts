import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { ticketKeys } from './ticket-keys.ts';

it('has the keys of session tickets of a day in all processes, and new ones the next day', async () => {
  const clock = virtualClock({ now: '2026-11-30T12:00:00Z' });
  const storage = memoryStorage();
  const [first, second] = [await ticketKeys(storage, clock), await ticketKeys(storage, clock)];
  const today = first.current();
  expect([today.length, second.current().equals(today)]).toEqual([48, true]);
  expect(first.untilNext()).toBe(12 * 3_600_000);
  await clock.advance({ hours: 12 });
  expect(first.current().equals(today)).toBe(false);
  expect(second.current().equals(first.current())).toBe(true);
  expect((await ticketKeys(memoryStorage(), clock)).current().equals(first.current())).toBe(false);
});
