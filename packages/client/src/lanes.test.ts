import { describe, expect, it } from '@jest/globals';
import { virtualClock } from '@acmex/clock';
import { inLanes } from './lanes.ts';

describe('inLanes', () => {
  it('keeps the order of the list, and never works on more than its lanes at once', async () => {
    const clock = virtualClock();
    let now = 0;
    let most = 0;
    const results = await clock.run(
      inLanes(3, [5, 1, 4, 2, 3], async (seconds) => {
        most = Math.max(most, ++now);
        await clock.sleep({ seconds });
        now--;
        return seconds * 2;
      }),
    );
    expect(results).toEqual([10, 2, 8, 4, 6]);
    expect(most).toBe(3);
  });
  it('begins nothing after a failure, and throws it only when all that was under way has ended', async () => {
    const clock = virtualClock();
    const ended: string[] = [];
    const work = inLanes(2, ['slow', 'bad', 'never begun'], async (name) => {
      await clock.sleep({ seconds: name === 'slow' ? 9 : 1 });
      ended.push(name);
      if (name === 'bad') throw new Error('bad');
    });
    await expect(clock.run(work)).rejects.toThrow('bad');
    expect(ended).toEqual(['bad', 'slow']);
  });
  it('has nothing to do for an empty list', async () => {
    await expect(inLanes(4, [], async () => 1)).resolves.toEqual([]);
  });
});
