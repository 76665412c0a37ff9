import { expect, it } from '@jest/globals';
import { settledWithin } from './settled-within.ts';
import { systemClock } from './system-clock.ts';
import { virtualClock } from './virtual-clock.ts';

const never = new Promise(() => {
  /* it stays pending */
});

it('waits for all work, also for work that fails', async () => {
  const clock = virtualClock({ now: '2026-11-28T00:00:00Z' });
  const order: string[] = [];
  const slow = clock.sleep({ seconds: 3 }).then(() => order.push('slow'));
  const failing = clock.sleep({ seconds: 5 }).then(() => {
    order.push('failing');
    throw new Error('it has failed');
  });
  const waiting = settledWithin({ seconds: 10 }, [slow, failing], clock);
  await expect(clock.run(waiting)).resolves.toBe(true);
  expect(order).toEqual(['slow', 'failing']);
});

it('waits no longer than its limit', async () => {
  const clock = virtualClock({ now: '2026-11-28T00:00:00Z' });
  await expect(clock.run(settledWithin({ seconds: 10 }, [never], clock))).resolves.toBe(false);
  expect(clock.now().toString()).toBe('2026-11-28T00:00:10Z');
});

it('returns at once where there is no work', async () => {
  await expect(settledWithin({ hours: 1 }, [], systemClock)).resolves.toBe(true);
});
