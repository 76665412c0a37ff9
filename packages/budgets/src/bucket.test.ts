import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  available,
  book,
  bookAgain,
  type Bucket,
  drain,
  hold,
  isFull,
  release,
  spend,
  take,
  when,
} from './index.ts';

const minute = 60_000;
/** Ten at once, and one each minute. */
const limit = { capacity: 10, periodMs: 10 * minute };
const now = Date.parse('2026-11-30T00:00:00Z');

function afterTaking(times: number, at = now): Bucket | undefined {
  let bucket: Bucket | undefined;
  for (let taken = 0; taken < times; taken += 1) bucket = take(bucket, limit, at) ?? bucket;
  return bucket;
}

it('gives as many tokens at once as a full bucket has, then one after each interval', () => {
  const empty = afterTaking(10);
  expect(available(afterTaking(3), limit, now)).toBe(7);
  expect(available(empty, limit, now)).toBe(0);
  expect(take(empty, limit, now)).toBeUndefined();
  expect(when(empty, limit, now)).toBe(now + minute);
  expect(take(empty, limit, now + minute - 1)).toBeUndefined();
  expect(take(empty, limit, now + minute)).toBeDefined();
  expect(available(empty, limit, now + 10 * minute)).toBe(10);
});

it('leaves as many tokens as are reserved', () => {
  const bucket = afterTaking(8);
  expect(take(bucket, limit, now, { reserved: 2 })).toBeUndefined();
  expect(when(bucket, limit, now, { reserved: 2 })).toBe(now + minute);
  expect(take(bucket, limit, now)).toBeDefined();
});

it('counts a held token from the time at which the CA counts it', () => {
  let bucket = hold(undefined, limit, now, { by: 'ord_1' });
  expect(available(bucket, limit, now)).toBe(9);
  expect(hold(bucket, limit, now, { by: 'ord_1' })).toEqual(bucket);
  bucket = spend(bucket, limit, now + 5 * minute, { by: 'ord_1' });
  expect(bucket.held).toBeUndefined();
  expect(bucket.fullAt).toBe(now + 6 * minute);
});

it('gives a held token back, and counts one that is forgotten for a week as spent', () => {
  const held = hold(undefined, limit, now, { by: 'ord_1' })!;
  expect(isFull(release(held, 'ord_1'), now)).toBe(true);
  const week = 7 * 24 * 60 * minute;
  expect(available(held, limit, now + week - 1)).toBe(9);
  expect(available(held, limit, now + week)).toBe(9);
  expect(available(held, limit, now + week + minute)).toBe(10);
});

it('is empty until the time that the CA has named', () => {
  const until = now + 30 * minute;
  const bucket = drain(undefined, limit, { now, until });
  expect(when(bucket, limit, now)).toBe(until);
  expect(available(bucket, limit, until)).toBe(1);
});

it('gives everyone who waits a time of their own, and a sooner one to those who waited', () => {
  let bucket = afterTaking(10)!;
  const times = [1, 2, 3].map(() => {
    const booking = book(bucket, limit, now);
    bucket = booking.bucket;
    return booking.at;
  });
  expect(times).toEqual([1, 2, 3].map((minutes) => now + minutes * minute));
  expect(bookAgain(bucket, limit, now).at).toBe(now + minute);
});

it('never gives more in any time than the limit allows, whatever is held, spent and given back', () => {
  const step = fc.record({
    pause: fc.integer({ min: 0, max: 3 * minute }),
    ends: fc.constantFrom('spend', 'release', 'later'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let [bucket, at]: [Bucket | undefined, number] = [undefined, now];
      const counted: number[] = [];
      const open: string[] = [];
      for (const [index, { pause, ends }] of steps.entries()) {
        at += pause;
        const by = `ord_${index}`;
        const next = hold(bucket, limit, at, { by });
        if (next) {
          bucket = next;
          open.push(by);
        }
        const ended = ends === 'later' ? undefined : open.shift();
        if (ended === undefined || !bucket) continue;
        if (ends === 'spend') counted.push(at);
        bucket =
          ends === 'spend' ? spend(bucket, limit, at, { by: ended }) : release(bucket, ended);
      }
      for (const from of counted)
        for (const to of counted) {
          const within = counted.filter((time) => time >= from && time <= to).length;
          if (to >= from) expect(within).toBeLessThanOrEqual(10 + (to - from) / minute + 1e-6);
        }
    }),
  );
});
