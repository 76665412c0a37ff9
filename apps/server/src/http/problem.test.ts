import { virtualClock } from '@acmex/clock';
import { AcmeError } from '@acmex/protocol';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { problemOf } from './problem.ts';

const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });

it('passes on when a CA wants to be asked again', () => {
  const limited = (retryAfter?: ReturnType<typeof clock.now>) =>
    problemOf(new AcmeError('ERR_ACME_RATE_LIMITED', 'too many orders', { retryAfter }), { clock })
      .headers;
  expect(limited(clock.now().add({ hours: 1 }))['retry-after']).toBe('3600');
  expect(limited(clock.now().subtract({ hours: 1 }))['retry-after']).toBe('1');
  expect(limited()).not.toHaveProperty('retry-after');
});

it('says which request met changes of others for too long, and what to do', async () => {
  const value = new Uint8Array();
  const conflict: unknown = await memoryStorage()
    .write([{ set: 'a', value, ifVersion: '1' }])
    .catch((error: unknown) => error);
  expect(problemOf(conflict, { clock, subject: 'PATCH /api/certificates/crt_1' })).toMatchObject({
    status: 409,
    body: {
      code: 'ERR_SERVER_CONFLICT',
      detail: expect.stringMatching(/^PATCH \/api\/certificates\/crt_1: /),
      cure: expect.stringMatching(/again/),
    },
  });
});
