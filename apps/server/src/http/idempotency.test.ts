import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
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

describe('the life of an Idempotency-Key', () => {
  const hours = 3_600_000;
  /** Holds back writes until as many wait, so that all who write have read the same. */
  const atOnce = (storage: Storage, count: number): Storage => {
    const waiting: (() => void)[] = [];
    let isOpen = false;
    return {
      ...storage,
      get: async (key) => await storage.get(key),
      list: (prefix, options) => storage.list(prefix, options),
      async write(changes) {
        if (!isOpen)
          await new Promise<void>((resolve) => {
            waiting.push(resolve);
            isOpen = waiting.length === count;
            if (isOpen) for (const open of waiting) open();
          });
        return await storage.write(changes);
      },
    };
  };
  /** Sends the same request by two processes, whose clocks show these moments. */
  const byTwo = async (storage: Storage, [first, second]: readonly [string, string], count = 2) => {
    const shared = atOnce(storage, count);
    const clocks = [first, second].map((now) => virtualClock({ now }));
    let executions = 0;
    const answers = clocks.map(async (clock) => {
      const sent = new Idempotency(clock).once(repeatable(shared).request, async () => {
        executions += 1;
        return answer(202, { at: clock.now().toString() });
      });
      return (await clock.run(sent)).body;
    });
    const bodies = await Promise.all(answers);
    return { executions, isSame: JSON.stringify(bodies[0]) === JSON.stringify(bodies[1]) };
  };

  it.each([
    ['at the same moment', '2026-11-28T12:00:00Z', '2026-11-28T12:00:00Z'],
    ['around midnight', '2026-11-28T23:59:59.999Z', '2026-11-29T00:00:00Z'],
    ['around midnight, the later one first', '2026-11-29T00:00:00Z', '2026-11-28T23:59:59.999Z'],
    ['around the end of a year', '2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.001Z'],
    ['by clocks that differ by hours', '2026-11-28T20:00:00Z', '2026-11-29T03:00:00Z'],
  ])('has one execution of a request by two processes %s', async (_, ...moments) => {
    await expect(byTwo(memoryStorage(), moments)).resolves.toEqual({
      executions: 1,
      isSame: true,
    });
  });

  it.each(['2026-11-28T12:00:00Z', '2026-11-28T00:00:00Z', '2026-11-28T23:59:59.999Z'])(
    'ends 24 hours after %s: until then the answer is repeated, and from then on one process executes it again',
    async (begin) => {
      const storage = memoryStorage();
      const once = async (clock: ReturnType<typeof virtualClock>) =>
        await new Idempotency(clock).once(repeatable(storage).request, async () =>
          answer(202, { at: clock.now().toString() }),
        );
      const clock = virtualClock({ now: begin });
      await once(clock);
      await clock.advance({ milliseconds: 24 * hours - 1 });
      const before = clock.now().toString();
      await expect(once(clock)).resolves.toMatchObject({
        body: { at: virtualClock({ now: begin }).now().toString() },
        headers: { 'idempotent-replayed': 'true' },
      });
      await clock.advance({ milliseconds: 1 });
      const end = clock.now().toString();
      await expect(byTwo(storage, [end, end])).resolves.toEqual({ executions: 1, isSame: true });
      // One whose clock is late still has an answer, and executes nothing.
      await expect(byTwo(storage, [before, end], 0)).resolves.toMatchObject({ executions: 0 });
    },
  );

  it('lasts 24 hours after a takeover of work that has not ended, across midnight', async () => {
    const storage = memoryStorage();
    const clock = virtualClock({ now: '2026-11-28T23:59:00Z' });
    const request = async (result: Promise<string>) =>
      await new Idempotency(clock).once(repeatable(storage).request, async () =>
        answer(202, { result: await result }),
      );
    let finish: (result: string) => void = () => undefined;
    const slow = request(
      new Promise<string>((resolve) => {
        finish = resolve;
      }),
    );
    await clock.advance({ minutes: 3 });
    await expect(request(Promise.resolve('taken over'))).resolves.toMatchObject({
      body: { result: 'taken over' },
    });
    finish('slow');
    await slow;
    await clock.advance({ milliseconds: 24 * hours - 1 });
    await new Idempotency(clock).prune(storage);
    await expect(request(Promise.resolve('again'))).resolves.toMatchObject({
      body: { result: 'taken over' },
    });
  });
});
