import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { systemClock } from '@acmex/clock';
import { taskQueueContract } from '@acmex/scheduler/contract';
import { describeWith, eventually, type RedisServer, startRedis } from '@acmex/services';
import { redisTarget } from '@acmex/storage-redis';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { redisNotifier } from './notifier.ts';
import { connectBullMq } from './bull-group.ts';
import { BullQueue, type BullQueueOptions } from './bull-queue.ts';
import { InvalidValues } from './redis-values.ts';
import { redisWorkerRegistry } from './worker-registry.ts';
import { teamRedis } from './team-redis.ts';

const pass = async (milliseconds: number) => await systemClock.sleep({ milliseconds });
describeWith(['redis-server'], 'a queue in Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  /** One process of a team; those with the same prefix share their queue. */
  const member = async (
    prefix: string,
    name = 'one',
    at = redis.url,
    lease?: BullQueueOptions['lease'],
  ) => {
    const shared = await teamRedis({ target: redisTarget({ url: at }) });
    const { client, listener } = shared;
    const errors: string[] = [];
    const troubles: unknown[] = [];
    const invalidValues = new InvalidValues();
    const notifier = await redisNotifier({
      client,
      listener,
      channel: `${prefix}:bell`,
      invalidValues,
    });
    const queue = await BullQueue.connect({
      client,
      prefix,
      notifier,
      registry: redisWorkerRegistry({ client, prefix, invalidValues }),
      invalidValues,
      name,
      lease,
      onTaskError: (id, error) => {
        errors.push(`${id}: ${(error as Error).message}`);
      },
      onError: (error) => {
        troubles.push(error);
      },
    });
    let left = false;
    return {
      queue,
      shared,
      errors,
      troubles,
      invalidValues,
      leave: () => {
        left = true;
      },
      async [Symbol.asyncDispose]() {
        if (!left) await queue.close({ within: { seconds: 0 } });
        await shared[Symbol.asyncDispose]();
      },
    };
  };
  const prefixOf = () => `{${randomBytes(4).toString('hex')}}`;

  it.each(taskQueueContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      await using first = await member(prefixOf());
      await check({
        queue: first.queue,
        clock: systemClock,
        errors: first.errors,
        settle: async () => await pass(60),
        pass: async (duration) => await systemClock.sleep(duration),
      });
      expect(first.troubles).toEqual([]);
    },
  );

  it('shares tasks among processes, each once, and holds a group to its limit over all of them', async () => {
    const prefix = prefixOf();
    await using first = await member(prefix, 'one');
    await using two = await member(prefix, 'two');
    await using giver = await member(prefix, 'giver');
    const begun: string[] = [];
    let [now, maxRunning] = [0, 0];
    const work = (who: string) => async (id: string) => {
      begun.push(`${who} ${id}`);
      maxRunning = Math.max(maxRunning, (now += 1));
      await pass(20);
      now -= 1;
      return undefined;
    };
    first.queue.process(work('one'), { concurrency: 5, perGroup: 6 });
    two.queue.process(work('two'), { concurrency: 5, perGroup: 6 });
    await eventually(async () => (await giver.queue.counts()).capacity === 10);
    for (let n = 0; n < 60; n += 1)
      await giver.queue.add({ id: `t${n}`, group: 'ca', priority: 'normal' });
    await eventually(() => begun.length >= 60);
    await eventually(async () => (await giver.queue.counts()).running === 0);
    expect(new Set(begun.map((entry) => entry.split(' ')[1])).size).toBe(60);
    expect(begun).toHaveLength(60);
    expect(new Set(begun.map((entry) => entry.split(' ')[0]))).toEqual(new Set(['one', 'two']));
    expect(maxRunning).toBeLessThanOrEqual(6);
  });

  it('keeps nothing in Redis but ids, and nothing at all of what was done', async () => {
    const prefix = prefixOf();
    await using first = await member(prefix);
    await first.queue.add({ id: 'crt_1', group: 'ca', priority: 'high' });
    const keys = (await redis.command('--scan', '--pattern', `${prefix}:ca:crt_1*`)).split('\n');
    expect(await redis.command('hget', keys[0] ?? '', 'data')).toBe('{"id":"crt_1"}');
    first.queue.process(async () => undefined, { concurrency: 1 });
    await eventually(async () => (await first.queue.counts()).groups.length === 0);
    expect(await redis.command('--scan', '--pattern', `${prefix}:ca:*crt_1*`)).toBe('');
  });

  it('holds a group to its limit also after Redis has forgotten everything', async () => {
    await using separateRedis = await startRedis();
    const prefix = prefixOf();
    await using first = await member(prefix, 'one', separateRedis.url);
    first.queue.process(
      async () =>
        await new Promise(() => {
          /* never */
        }),
      { concurrency: 5, perGroup: 1 },
    );
    const limit = async () =>
      await separateRedis.command('hget', `${prefix}:ca:meta`, 'concurrency');
    await first.queue.add({ id: 'a', group: 'ca', priority: 'low' });
    await eventually(async () => (await limit()) === '1');
    await separateRedis.command('flushall');
    await eventually(async () => (await limit()) === '1');
    first.leave();
  });

  it('gives the task of a process that is silent for its lease to another', async () => {
    const prefix = prefixOf();
    const lease = { seconds: 1 };
    const silent = await member(prefix, 'silent', redis.url, lease);
    let hasBegun = false;
    silent.queue.process(
      async () => {
        hasBegun = true;
        return await new Promise(() => {
          /* never */
        });
      },
      { concurrency: 1 },
    );
    await silent.queue.add({ id: 'a', group: 'ca', priority: 'low' });
    await eventually(() => hasBegun);
    const [lock = ''] = (await redis.command('--scan', '--pattern', `${prefix}:ca:a~*:lock`)).split(
      '\n',
    );
    const left = Number(await redis.command('pttl', lock));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(1000);
    silent.leave();
    await silent[Symbol.asyncDispose]();
    await using second = await member(prefix, 'second', redis.url, lease);
    const done: string[] = [];
    second.queue.process(
      async (id) => {
        done.push(id);
        return undefined;
      },
      { concurrency: 1 },
    );
    await eventually(() => done.length > 0);
    await eventually(async () => (await second.queue.counts()).groups.length === 0);
    expect(done).toEqual(['a']);
  });

  it('gives back what it has fetched when it ends at that moment', async () => {
    const prefix = prefixOf();
    const done: string[] = [];
    const work = async (id: string) => {
      done.push(id);
      return undefined;
    };
    await using last = await member(prefix, 'last');
    for (let n = 0; n < 5; n += 1) {
      const first = await member(prefix, `one${n}`);
      const added = Promise.all(
        Array.from(
          { length: 10 },
          async (_, at) =>
            await last.queue.add({ id: `t${n}-${at}`, group: 'ca', priority: 'low' }),
        ),
      );
      const stop = first.queue.process(work, { concurrency: 3 });
      await pass(5 * n);
      stop();
      await added;
      await first[Symbol.asyncDispose]();
    }
    last.queue.process(work, { concurrency: 5 });
    await eventually(() => done.length >= 50);
    await eventually(async () => (await last.queue.counts()).groups.length === 0);
    expect([...new Set(done)]).toHaveLength(50);
    expect(done).toHaveLength(50);
  });

  it('is not opened where Redis goes away meanwhile', async () => {
    await using separateRedis = await startRedis();
    const { client, ...shared } = await teamRedis({
      target: redisTarget({ url: separateRedis.url }),
    });
    const opening = connectBullMq(client);
    const ready = once(client, 'ready');
    client.disconnect(true);
    await expect(opening).rejects.toThrow();
    await ready;
    const connection = await connectBullMq(client);
    expect(connection.status).toBe('ready');
    await shared[Symbol.asyncDispose]();
  });

  it('fails at once while Redis is away, and continues when it is back', async () => {
    await using separateRedis = await startRedis({ appendonly: true });
    await using first = await member(prefixOf(), 'one', separateRedis.url);
    const done: string[] = [];
    first.queue.process(
      async (id) => {
        done.push(id);
        return undefined;
      },
      { concurrency: 1 },
    );
    await separateRedis.kill();
    await eventually(() => !first.shared.isConnected());
    const from = systemClock.monotonic();
    await expect(first.queue.add({ id: 'a', group: 'ca', priority: 'low' })).rejects.toThrow();
    expect(systemClock.monotonic() - from).toBeLessThan(1000);
    await separateRedis.restart();
    await eventually(() => first.shared.isConnected());
    await first.queue.add({ id: 'b', group: 'ca', priority: 'low' });
    await eventually(() => done.includes('b'));
  });
});
