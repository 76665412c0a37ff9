import { describe, expect, it } from '@jest/globals';
import { keyedMutex } from './index.ts';

describe('keyedMutex', () => {
  it('runs work on a name after the work before it, also after a failure, and lets other names pass', async () => {
    const seen: string[] = [];
    const mutex = keyedMutex();
    const work = (name: string, ticks: number) =>
      mutex(name, async () => {
        seen.push(`${name} begins`);
        for (let tick = 0; tick < ticks; tick++) await null;
        seen.push(`${name} ends`);
        if (name === 'a') throw new Error('a fails');
      });
    const stop = new AbortController();
    const all = Promise.allSettled([
      work('a', 30),
      work('a', 1),
      mutex(
        'a',
        async () => {
          seen.push('never');
        },
        { signal: stop.signal },
      ),
      work('b', 1),
    ]);
    stop.abort(new Error('enough'));
    expect((await all).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(seen).toEqual(['a begins', 'b begins', 'b ends', 'a ends', 'a begins', 'a ends']);
  });
});
