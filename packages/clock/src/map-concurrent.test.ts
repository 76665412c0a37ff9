import { describe, expect, it } from '@jest/globals';
import { mapConcurrent, virtualClock } from './index.ts';

describe('mapConcurrent', () => {
  it('returns results in the order of the list, and never works on more than the limit at once', async () => {
    const clock = virtualClock();
    let running = 0;
    let highest = 0;
    const results = await clock.run(
      mapConcurrent(3, [5, 1, 4, 2, 3], async (seconds) => {
        highest = Math.max(highest, ++running);
        await clock.sleep({ seconds });
        running--;
        return seconds * 2;
      }),
    );
    expect(results).toEqual([10, 2, 8, 4, 6]);
    expect(highest).toBe(3);
  });

  it('begins nothing after a failure, and throws it when all running work has ended', async () => {
    const clock = virtualClock();
    const ended: string[] = [];
    const work = mapConcurrent(2, ['slow', 'bad', 'never begun'], async (name) => {
      await clock.sleep({ seconds: name === 'slow' ? 9 : 1 });
      ended.push(name);
      if (name === 'bad') throw new Error('bad');
    });
    await expect(clock.run(work)).rejects.toThrow('bad');
    expect(ended).toEqual(['bad', 'slow']);
  });

  it('returns an empty list for an empty list', async () => {
    await expect(mapConcurrent(4, [], async () => 1)).resolves.toEqual([]);
  });

  it('reads an asynchronous iterable no faster than the work goes', async () => {
    const clock = virtualClock();
    let read = 0;
    let ahead = 0;
    let ended = 0;
    async function* numbers() {
      while (read < 20) yield read++;
    }
    const work = mapConcurrent(2, numbers(), async (number) => {
      ahead = Math.max(ahead, read - ended);
      await clock.sleep('PT1S');
      ended++;
      return number;
    });
    expect(await clock.run(work)).toEqual(Array.from({ length: 20 }, (_, number) => number));
    expect(ahead).toBeLessThanOrEqual(2);
  });

  it('throws what an iterable throws, after all running work has ended', async () => {
    const clock = virtualClock();
    let ended = false;
    async function* failing() {
      yield 'element';
      throw new Error('the source failed');
    }
    const work = mapConcurrent(2, failing(), async () => {
      await clock.sleep('PT1S');
      ended = true;
    });
    await expect(clock.run(work)).rejects.toThrow('the source failed');
    expect(ended).toBe(true);
  });
});
