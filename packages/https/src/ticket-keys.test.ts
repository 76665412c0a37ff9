import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { ticketKeys } from './ticket-keys.ts';

const noError = (error: unknown) => {
  throw error;
};

it('has the keys of session tickets of a day in all processes, and new ones the next day', async () => {
  const clock = virtualClock({ now: '2026-11-30T12:00:00Z' });
  const storage = memoryStorage();
  const keysOf = async (stored: Storage) => await ticketKeys(stored, clock, noError);
  const [first, second] = [await keysOf(storage), await keysOf(storage)];
  const today = first.current();
  expect([today.length, second.current().equals(today)]).toEqual([48, true]);
  expect(first.untilNext()).toBe(12 * 3_600_000);
  await clock.advance({ hours: 12 });
  expect(first.current().equals(today)).toBe(false);
  expect(second.current().equals(first.current())).toBe(true);
  expect((await keysOf(memoryStorage())).current().equals(first.current())).toBe(false);
});

it('replaces a damaged secret of session tickets, and reports it', async () => {
  const clock = virtualClock();
  const storage = memoryStorage();
  await storage.write([{ set: 'https-tickets/secret', value: Buffer.from('{') }]);
  const errors: unknown[] = [];
  const first = await ticketKeys(storage, clock, (error) => errors.push(error));
  const second = await ticketKeys(storage, clock, noError);
  expect(second.current().equals(first.current())).toBe(true);
  expect(errors).toMatchObject([{ code: 'ERR_STORAGE_CORRUPT' }]);
});
