import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import type { Caller } from '../access/caller.ts';
import { answer } from './endpoint.ts';
import { Idempotency, type RepeatableRequest } from './idempotency.ts';

const revoked = new Error('revoked');

function repeatable(storage = memoryStorage(), more: Partial<Caller> = {}) {
  const end = new AbortController();
  const state = { isLive: true };
  const request: RepeatableRequest = {
    caller: { id: 'key_1', names: ['*'], tenant: { name: 'one', storage }, ...more } as Caller,
    key: 'once',
    method: 'POST',
    url: '/api/orders',
    body: Buffer.from('{}'),
    secret: false,
    live: {
      signal: end.signal,
      reauthenticate: async () => {
        if (!state.isLive) throw revoked;
      },
    },
  };
  const revoke = () => {
    state.isLive = false;
    end.abort(revoked);
  };
  return { request, revoke, state };
}

describe('a request with the key of an earlier one', () => {
  it('ends its wait when its credential ends, in this process and for another one', async () => {
    const clock = virtualClock();
    const storage = memoryStorage();
    const here = new Idempotency(clock);
    let finish = (): void => undefined;
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const earlier = here.once(repeatable(storage).request, async () => {
      await work;
      return answer(202, { id: 'ord_1' });
    });
    const [same, elsewhere] = [repeatable(storage), repeatable(storage)];
    const never = async () => answer(500);
    const waiting = [
      here.once(same.request, never),
      new Idempotency(clock).once(elsewhere.request, never),
    ];
    for (const wait of waiting) wait.catch(() => undefined);
    await clock.advance({ seconds: 1 });
    same.revoke();
    elsewhere.revoke();
    await expect(waiting[0]).rejects.toBe(revoked);
    await expect(waiting[1]).rejects.toBe(revoked);
    finish();
    await expect(earlier).resolves.toMatchObject({ status: 202 });
  });

  it('gets no answer after a wait in which its credential has ended', async () => {
    const clock = virtualClock();
    const idempotency = new Idempotency(clock);
    const storage = memoryStorage();
    let finish = (): void => undefined;
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const earlier = idempotency.once(repeatable(storage).request, async () => {
      await work;
      return answer(202, { id: 'ord_1' });
    });
    const { request, state } = repeatable(storage);
    const waiting = idempotency.once(request, async () => answer(500));
    state.isLive = false;
    finish();
    await expect(waiting).rejects.toBe(revoked);
    await earlier;
  });

  it('gets no answer that a token with rights to other names was given', async () => {
    const idempotency = new Idempotency(virtualClock());
    const storage = memoryStorage();
    const ask = async (names: readonly string[]) =>
      await idempotency.once(
        repeatable(storage, { id: 'oidc:somebody', names }).request,
        async () => answer(202, { names }),
      );
    await expect(ask(['*'])).resolves.toMatchObject({ body: { names: ['*'] } });
    await expect(ask(['*'])).resolves.toMatchObject({ body: { names: ['*'] } });
    await expect(ask(['a.test'])).rejects.toMatchObject({ code: 'ERR_SERVER_IDEMPOTENCY' });
  });

  it('is answered with its result when its work took so long that another process did it too', async () => {
    const clock = virtualClock();
    const storage = memoryStorage();
    let finish = (): void => undefined;
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const slow = ['slow', 'failed'].map(async (result) => {
      const request = { ...repeatable(storage).request, key: result };
      return await new Idempotency(clock).once(request, async () => {
        await work;
        if (result === 'failed') throw revoked;
        return answer(202, { id: result });
      });
    });
    for (const wait of slow) wait.catch(() => undefined);
    await clock.advance({ minutes: 3 });
    const again = async (key: string) =>
      await new Idempotency(clock).once({ ...repeatable(storage).request, key }, async () =>
        answer(202, { id: 'again' }),
      );
    await expect(again('slow')).resolves.toMatchObject({ body: { id: 'again' } });
    await expect(again('failed')).resolves.toMatchObject({ body: { id: 'again' } });
    finish();
    await expect(slow[0]).resolves.toMatchObject({ body: { id: 'slow' } });
    await expect(slow[1]).rejects.toBe(revoked);
    await expect(again('failed')).resolves.toMatchObject({ body: { id: 'again' } });
  });
});
