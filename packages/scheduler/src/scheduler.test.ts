import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { taskQueueContract } from './contract.ts';
import { dispatcher, type DueTask, inProcessQueue, priorities, type Priority } from './index.ts';

const settle = () =>
  new Promise<void>((resolve) => {
    setImmediate(resolve);
  });

describe('a queue in this process', () => {
  it.each(taskQueueContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const clock = virtualClock();
      const errors: string[] = [];
      await check({
        queue: inProcessQueue({
          clock,
          onError: (id, error) => {
            errors.push(`${id}: ${(error as Error).message}`);
          },
        }),
        clock,
        errors,
        settle,
        pass: async (duration) => await clock.advance(duration),
      });
    },
  );
  it('keeps one timer for ten thousand delayed tasks', async () => {
    const clock = virtualClock();
    const queue = inProcessQueue({ clock });
    for (let n = 0; n < 10_000; n += 1)
      await queue.add({
        id: `t${n}`,
        group: 'one',
        priority: 'low',
        runAt: clock.now().add({ seconds: 1 + (n % 1000) }),
      });
    expect(clock.sleepers).toBeLessThanOrEqual(1);
    await queue.close({ within: { seconds: 1 } });
    expect(clock.sleepers).toBe(0);
  });
  it('does what a plain list would, whatever comes in which order', async () => {
    const step = fc.oneof(
      fc.record({
        what: fc.constant('add' as const),
        id: fc.nat(6),
        priority: fc.constantFrom(...priorities),
        group: fc.nat(2),
        in: fc.option(fc.nat(5), { nil: undefined }),
      }),
      fc.record({ what: fc.constant('remove' as const), id: fc.nat(6) }),
      fc.record({ what: fc.constant('end' as const), id: fc.nat(6) }),
      fc.record({ what: fc.constant('advance' as const), by: fc.nat(3) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const clock = virtualClock();
        const queue = inProcessQueue({ clock });
        const ends = new Map<string, () => void>();
        const groups = new Map<string, string>();
        const wanted = new Set<string>();
        let running = new Set<string>();
        queue.process(
          async (id) => {
            if (running.has(id)) throw new Error(`${id} runs twice at once`);
            running.add(id);
            wanted.delete(id);
            expect(running.size).toBeLessThanOrEqual(3);
            await new Promise<void>((resolve) => {
              ends.set(id, resolve);
            });
            running.delete(id);
            return undefined;
          },
          { concurrency: 3, perGroup: 2 },
        );
        for (const step of steps) {
          if (step.what === 'add') {
            wanted.add(`t${step.id}`);
            groups.set(`t${step.id}`, String(step.id % 3));
            await queue.add({
              id: `t${step.id}`,
              group: String(step.id % 3),
              priority: step.priority,
              ...(step.in === undefined ? {} : { runAt: clock.now().add({ seconds: step.in }) }),
            });
          } else if (step.what === 'remove') {
            wanted.delete(`t${step.id}`);
            await queue.remove(`t${step.id}`);
          } else if (step.what === 'end') ends.get(`t${step.id}`)?.();
          else await clock.advance({ seconds: step.by });
          await settle();
          for (const group of new Set(groups.values()))
            expect(
              [...running].filter((id) => groups.get(id) === group).length,
            ).toBeLessThanOrEqual(2);
        }
        for (let n = 0; n < 8; n += 1) {
          await clock.advance({ seconds: 3 });
          for (const end of ends.values()) end();
          await settle();
        }
        expect([...wanted]).toEqual([]);
        expect((await queue.counts()).running).toBe(0);
        running = new Set();
      }),
      { numRuns: 40 },
    );
  });
});

describe('the dispatcher', () => {
  const start = Temporal.Instant.from('2026-01-01T00:00:00Z');
  /** A due index in memory, which counts what is read of it. */
  const world = (
    tasks: ReadonlyMap<string, { readonly at: number; readonly priority?: Priority }>,
  ) => {
    const clock = virtualClock({ now: start });
    const queue = inProcessQueue({ clock });
    let read = 0;
    const sorted = () =>
      [...tasks]
        .map(([id, { at, priority = 'normal' }]): DueTask => ({
          id,
          group: 'one',
          priority,
          dueAt: start.add({ seconds: at }),
        }))
        .sort((a, b) => a.dueAt.epochMilliseconds - b.dueAt.epochMilliseconds);
    const source = {
      async *due(now: Temporal.Instant, { limit }: { readonly limit: number }) {
        for (const task of sorted().slice(0, limit)) {
          if (task.dueAt.epochMilliseconds > now.epochMilliseconds) return;
          read += 1;
          yield task;
        }
      },
      next: async () => sorted()[0]?.dueAt,
    };
    return { clock, queue, source, reads: () => read };
  };

  it('dispatches tasks when they are due, also those added later', async () => {
    const tasks = new Map([
      ['a', { at: 0 }],
      ['b', { at: 30 }],
      ['far', { at: 1_000_000 }],
    ]);
    const { clock, queue, source } = world(tasks);
    const done: string[] = [];
    await using loop = dispatcher({ source, queue, clock });
    queue.process(
      async (id) => {
        done.push(`${id} ${(clock.now().epochMilliseconds - start.epochMilliseconds) / 1000}`);
        tasks.delete(id);
        loop.wake();
        return undefined;
      },
      { concurrency: 1 },
    );
    await clock.advance({ seconds: 100 });
    expect(done).toEqual(['a 0', 'b 30']);
    tasks.set('c', { at: 110 });
    await clock.advance({ seconds: 120 });
    expect(done.at(-1)).toMatch(/^c 1[1-6]/);
  });
  it('dispatches at once what has become due while it was scanning', async () => {
    const tasks = new Map([['a', { at: 1 }]]);
    const { clock, queue, source } = world(tasks);
    const slow = {
      ...source,
      async next() {
        await clock.sleep({ seconds: 2 });
        return await source.next();
      },
    };
    const done: number[] = [];
    await using loop = dispatcher({ source: slow, queue, clock });
    queue.process(
      async (id) => {
        done.push((clock.now().epochMilliseconds - start.epochMilliseconds) / 1000);
        tasks.delete(id);
        loop.wake(id);
        return undefined;
      },
      { concurrency: 1 },
    );
    await clock.advance({ seconds: 10 });
    expect(done).toEqual([expect.closeTo(2, 1)]);
  });
  it('dispatches a finished task at once when it is due again, and an unfinished one more and more rarely', async () => {
    const tasks = new Map([['a', { at: 0 }]]);
    const { clock, queue, source } = world(tasks);
    const done: number[] = [];
    await using loop = dispatcher({ source, queue, clock });
    queue.process(
      async (id) => {
        done.push((clock.now().epochMilliseconds - start.epochMilliseconds) / 1000);
        loop.wake(id);
        return undefined;
      },
      { concurrency: 1 },
    );
    await clock.advance({ seconds: 40 });
    expect(done.length).toBeGreaterThan(3);
    expect(done.length).toBeLessThan(8);
    tasks.set('a', { at: 30 });
    loop.wake();
    await clock.advance({ milliseconds: 1 });
    expect(done.at(-1)).toBe(40);
  });
  it('does not read what is due for each task that ends, and runs dry of nothing by it', async () => {
    const tasks = new Map<string, { at: number; priority?: Priority }>(
      Array.from({ length: 400 }, (_, n) => [`t${n}`, { at: -3000 + n }]),
    );
    const { clock, queue, source, reads } = world(tasks);
    const order: string[] = [];
    await using loop = dispatcher({ source, queue, clock });
    queue.process(
      async (id) => {
        await clock.sleep({ milliseconds: 100 });
        order.push(id);
        tasks.delete(id);
        if (order.length === 200) tasks.set('urgent', { at: -1e6, priority: 'urgent' });
        loop.wake(order.length === 200 ? undefined : id);
        return undefined;
      },
      { concurrency: 4 },
    );
    // 401 by four at once, 100 ms each.
    await clock.advance({ milliseconds: 10_200 });
    expect(order).toHaveLength(401);
    expect(order.indexOf('urgent')).toBeLessThanOrEqual(220);
    // A scan reads 256, and comes when eight have ended, or once in a second.
    expect(reads()).toBeLessThan(256 * (400 / 8 + 11));
  });
  it('holds no more than its window, and picks the urgent among many that are due longer', async () => {
    const tasks = new Map<string, { at: number; priority?: Priority }>(
      Array.from({ length: 200 }, (_, n) => [
        `low-${n}`,
        { at: -1000 + n, priority: 'low' as const },
      ]),
    );
    tasks.set('urgent', { at: -1, priority: 'urgent' });
    const { clock, queue, source, reads } = world(tasks);
    const order: string[] = [];
    let maxWaiting = 0;
    await using loop = dispatcher({ source, queue, clock });
    queue.process(
      async (id) => {
        order.push(id);
        tasks.delete(id);
        const { waiting } = await queue.counts();
        maxWaiting = Math.max(maxWaiting, waiting.low);
        loop.wake();
        return undefined;
      },
      { concurrency: 2 },
    );
    await clock.advance({ minutes: 5 });
    expect(order.indexOf('urgent')).toBeLessThan(4);
    expect(order).toHaveLength(201);
    expect(maxWaiting).toBeLessThanOrEqual(8);
    expect(reads()).toBeGreaterThan(200);
  });
  it('costs what is due, not what there is', async () => {
    const tasks = new Map(
      Array.from({ length: 20_000 }, (_, n) => [`t${n}`, { at: n < 10 ? 0 : 1_000_000 + n }]),
    );
    const { clock, queue, source, reads } = world(tasks);
    await using _loop = dispatcher({ source, queue, clock });
    await settle();
    expect(_loop).toBeDefined();
    expect(reads()).toBe(10);
  });
  it('hands over again at its next look what a queue has lost that has lost everything', async () => {
    const tasks = new Map([
      ['a', { at: 0 }],
      ['b', { at: 0 }],
    ]);
    const { clock, queue, source } = world(tasks);
    await using _loop = dispatcher({ source, queue, clock });
    await clock.advance({ seconds: 1 });
    await Promise.all(['a', 'b'].map(async (id) => await queue.remove(id)));
    await clock.advance({ minutes: 1 });
    expect((await queue.counts()).waiting.normal).toBe(2);
    expect(_loop).toBeDefined();
  });
  it('hands over again after its patience what a queue has lost of several', async () => {
    const tasks = new Map([
      ['a', { at: 0 }],
      ['b', { at: 0, priority: 'low' as const }],
    ]);
    const { clock, queue, source } = world(tasks);
    await using _loop = dispatcher({ source, queue, clock, redeliverAfter: { minutes: 10 } });
    await clock.advance({ seconds: 1 });
    await queue.remove('a');
    await clock.advance({ minutes: 9 });
    expect((await queue.counts()).waiting.normal).toBe(0);
    await clock.advance({ minutes: 2 });
    expect((await queue.counts()).waiting.normal).toBe(1);
    expect(_loop).toBeDefined();
  });
  it('continues after the storage was away, and reports when the oldest task is late and when none is late any longer', async () => {
    const tasks = new Map([['a', { at: 0 }]]);
    const { clock, queue, source } = world(tasks);
    const reports: string[] = [];
    let away = true;
    await using _loop = dispatcher({
      queue,
      clock,
      onError: (error) => reports.push((error as Error).message),
      onLate: (late) => reports.push(late ? `late ${late.id}` : 'in time'),
      source: {
        ...source,
        due: (...args) => {
          if (away) throw new Error('away');
          return source.due(...args);
        },
      },
    });
    await clock.advance({ minutes: 5 });
    expect(new Set(reports)).toEqual(new Set(['away']));
    expect(reports.length).toBeLessThan(20);
    away = false;
    reports.length = 0;
    await clock.advance({ minutes: 30 });
    expect(reports).toEqual(['late a']);
    tasks.delete('a');
    await clock.advance({ minutes: 5 });
    expect(reports).toEqual(['late a', 'in time']);
    expect(_loop).toBeDefined();
  });
  it('neither spins nor stalls when the clock jumps by two days, there and back', async () => {
    const tasks = new Map([['a', { at: 3600 }]]);
    const { clock, queue, source, reads } = world(tasks);
    let hours = 0;
    const jumping = { ...clock, now: () => clock.now().add({ hours }) };
    await using _loop = dispatcher({ source, queue, clock: jumping });
    await clock.advance({ minutes: 2 });
    hours = -48;
    await clock.advance({ minutes: 2 });
    expect((await queue.counts()).waiting.normal).toBe(0);
    hours = 48;
    await clock.advance({ minutes: 2 });
    expect((await queue.counts()).waiting.normal).toBe(1);
    expect(reads()).toBeLessThan(10);
    expect(_loop).toBeDefined();
  });
});
