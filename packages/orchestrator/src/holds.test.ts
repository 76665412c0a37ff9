import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { Holds } from './holds.ts';

const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
const order = { issuer: 'test', names: ['a.test'], end: undefined, order: 'ord_1' };
const limited = (detail: string, hours: number) =>
  Object.assign(new Error(detail), {
    code: 'ERR_ACME_RATE_LIMITED',
    status: 429,
    retryAfter: clock.now().add({ hours }),
  });

it.each([
  ['all orders at a CA', 'too many new orders from this account'],
  ['a name', 'too many certificates already issued for "a.test"'],
])('holds %s for the longest time that processes were given at once', async (_, detail) => {
  const storage = memoryStorage();
  const processes = Array.from({ length: 4 }, () => new Holds({ storage, clock }));
  await Promise.all(
    [1, 5, 2, 3].map(
      async (hours, index) => await processes[index]!.note(order, limited(detail, hours)),
    ),
  );
  const held = await processes[0]!.obstacle(order);
  expect(held).toMatchObject({ error: { code: 'ERR_ORCHESTRATOR_HELD' }, advice: 'move-if-late' });
  expect(String(held?.error.retryAfter)).toBe('2026-11-01T05:00:00Z');
});
