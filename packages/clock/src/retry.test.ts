import { describe, expect, it } from '@jest/globals';
import { type Backoff, backoffMs, retry, type RetryPolicy, virtualClock } from './index.ts';

const start = '2026-11-28T00:00:00Z';
const backoff: Backoff = { first: 'PT1S', longest: 'PT10S', jitter: 0 };
const whenRejected = (outcome: PromiseSettledResult<unknown>) => outcome.status === 'rejected';

/** Runs attempts that fail until the `succeeding`-th, and says in which second each began. */
async function run(succeeding: number, policy: Partial<RetryPolicy<string>> = {}) {
  const clock = virtualClock({ now: start });
  const seconds: number[] = [];
  const work = retry(clock, { attempts: 5, backoff, again: whenRejected, ...policy }, async () => {
    seconds.push(clock.monotonic() / 1000);
    if (seconds.length < succeeding) throw new Error(`attempt ${seconds.length} failed`);
    return 'done';
  });
  const [outcome] = await Promise.allSettled([clock.run(work)]);
  return { outcome, seconds };
}

describe('retry', () => {
  it('tries again after pauses that double, and returns what the last attempt returns', async () => {
    expect(await run(4)).toEqual({
      outcome: { status: 'fulfilled', value: 'done' },
      seconds: [0, 1, 3, 7],
    });
  });

  it('throws the last error when all attempts have failed, without a pause after it', async () => {
    const { outcome, seconds } = await run(9, { attempts: 3 });
    expect(outcome).toMatchObject({ reason: { message: 'attempt 3 failed' } });
    expect(seconds).toEqual([0, 1, 3]);
  });

  it('stops where another attempt would not help', async () => {
    const { outcome, seconds } = await run(9, { again: () => false });
    expect(outcome).toMatchObject({ reason: { message: 'attempt 1 failed' } });
    expect(seconds).toEqual([0]);
  });

  it('can repeat what returned, and waits until the moment that the policy names', async () => {
    const clock = virtualClock({ now: start });
    let attempts = 0;
    const again = ({ status }: PromiseSettledResult<number>) =>
      status === 'fulfilled' && attempts < 3 && clock.now().add({ seconds: 30 });
    const work = retry(clock, { attempts: 9, backoff, again }, async () => ++attempts);
    expect(await clock.run(work)).toBe(3);
    expect(clock.monotonic()).toBe(60_000);
  });

  it('does not wait for a moment that has passed', async () => {
    const clock = virtualClock({ now: start });
    const past = clock.now().subtract({ hours: 1 });
    let attempts = 0;
    await retry(clock, { attempts: 2, backoff, again: () => past }, async () => ++attempts);
    expect([attempts, clock.monotonic()]).toEqual([2, 0]);
  });

  it('begins no attempt after the time limit, and passes each attempt the time that is left', async () => {
    const clock = virtualClock({ now: start });
    const left: number[] = [];
    const policy = { attempts: 9, backoff, again: whenRejected, limit: 'PT5S' };
    const work = retry(clock, policy, async (leftMs) => {
      left.push(leftMs);
      throw new Error('failed');
    });
    await expect(clock.run(work)).rejects.toThrow('failed');
    expect(left).toEqual([5000, 4000, 2000]);
  });

  it('ends a pause with the reason of the signal', async () => {
    const clock = virtualClock({ now: start });
    const stop = new AbortController();
    const { signal } = stop;
    const work = retry(clock, { attempts: 2, backoff, again: whenRejected, signal }, async () => {
      stop.abort(new Error('enough'));
      throw new Error('failed');
    });
    await expect(clock.run(work)).rejects.toThrow('enough');
  });
});

describe('backoffMs', () => {
  it('doubles the pause with each failure, up to the longest', () => {
    const pauses = [1, 2, 3, 4, 5, 1000].map((failures) => backoffMs(backoff, failures, 0.5));
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('leaves the share of the jitter to chance: half of the pause by default', () => {
    const { first, longest } = backoff;
    const range = (jitter?: number) =>
      [0, 1].map((random) =>
        backoffMs({ first, longest, ...(jitter === undefined ? {} : { jitter }) }, 1, random),
      );
    expect(range()).toEqual([500, 1000]);
    expect(range(1)).toEqual([0, 1000]);
    expect(range(0)).toEqual([1000, 1000]);
  });
});
