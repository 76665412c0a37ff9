import { describe, expect, it } from '@jest/globals';
import { slots } from './slots.ts';

describe('slots', () => {
  it('let so much go on at once, all of it in its turn, also after a failure', async () => {
    const take = slots(3);
    const done: number[] = [];
    let now = 0;
    let most = 0;
    const all = Array.from({ length: 20 }, (_, n) =>
      take(async () => {
        most = Math.max(most, (now += 1));
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        done.push(n);
        if (n % 5 === 0) throw new Error('failed');
      }),
    );
    expect(
      (await Promise.allSettled(all)).filter(({ status }) => status === 'rejected'),
    ).toHaveLength(4);
    expect(done).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect([most, now]).toEqual([3, 0]);
  });
});
