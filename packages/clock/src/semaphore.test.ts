import { describe, expect, it } from '@jest/globals';
import { semaphore } from './index.ts';

describe('semaphore', () => {
  it('runs as much work at once as it has permits, in the order of the calls, also after a failure', async () => {
    const withPermit = semaphore(3);
    const done: number[] = [];
    let running = 0;
    let highest = 0;
    const all = Array.from({ length: 20 }, (_, number) =>
      withPermit(async () => {
        highest = Math.max(highest, (running += 1));
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        done.push(number);
        if (number % 5 === 0) throw new Error('failed');
      }),
    );
    expect(
      (await Promise.allSettled(all)).filter(({ status }) => status === 'rejected'),
    ).toHaveLength(4);
    expect(done).toEqual(Array.from({ length: 20 }, (_, number) => number));
    expect([highest, running]).toEqual([3, 0]);
  });
});
