import { randomBytes } from 'node:crypto';
import { systemClock } from '@acmex/clock';
import {
  describeWith,
  eventually,
  type RedisServer,
  reportSoak,
  startRedis,
} from '@acmex/services';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startCa, type TestCa } from '../serving.testing.ts';
import { type MemberProcess, type TeamOfProcesses, teamOfProcesses } from './team.testing.ts';

const soak = process.env.ACMEX_SOAK === 'team';
const count = soak ? 10_000 : 200;
const prefix = '{acmex}:team';

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed % 2_147_483_647 || 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

describeWith(['redis-server'], 'values in Redis that no process has written', () => {
  let ca: TestCa;
  let redis: RedisServer;
  let client: Redis;
  beforeEach(async () => {
    [ca, redis] = await Promise.all([startCa(), startRedis()]);
    client = new Redis(redis.url);
  });
  afterEach(async () => {
    client.disconnect();
    await redis[Symbol.asyncDispose]();
    await ca[Symbol.asyncDispose]();
  });

  /** Writes a random value of a random type under a key, or into what the key has already. */
  const overwrite = async (key: string, random: () => number) => {
    const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
    const junk = pick([
      '',
      '{broken',
      'null',
      '[]',
      '-1',
      'inf',
      '{"id":{"toString":1}}',
      '{"at":1,"late":{"id":[]}}',
      `${Math.floor(random() * 1e9)}`,
      randomBytes(8).toString('latin1'),
    ]);
    const kind = pick(['set', 'rpush', 'sadd', 'zadd', 'hset', 'xadd', 'field'] as const);
    const type = await client.type(key);
    if (kind === 'field' && type === 'hash') {
      const fields = await client.hkeys(key);
      return await client.hset(key, pick([...fields, 'rjk', 'parent']), junk);
    }
    const into = { list: 'rpush', set: 'sadd', zset: 'zadd', hash: 'hset' }[type];
    const verb = kind === 'field' && into !== undefined ? into : kind;
    if (verb === kind) await client.del(key);
    if (verb === 'rpush' || verb === 'sadd') return await client[verb](key, junk);
    if (verb === 'zadd') return await client.zadd(key, pick(['1', 'inf', '-inf', '1e300']), junk);
    if (verb === 'hset') return await client.hset(key, junk, junk);
    if (verb === 'xadd') return await client.xadd(key, '*', 'field', junk);
    return await client.set(key, junk);
  };
  /** Every key that a process reads, whether it exists or not. */
  const keysThatAreRead = async () => {
    const existing = await client.keys(`${prefix}:*`);
    const queues = ['custom', 'tenant/other', 'looks'].flatMap((queue) =>
      ['wait', 'active', 'prioritized', 'delayed', 'meta', 'events', 'stalled', 'stalled-check']
        .concat('limiter', 'id', 'pc', 'marker', 'repeat', 'repeat:look', 'completed', 'failed')
        .map((name) => `${prefix}:${queue}:${name}`),
    );
    const names = ['groups', 'workers', 'looked', 'worker:unknown'].map(
      (name) => `${prefix}:${name}`,
    );
    return [...new Set([...existing, ...queues, ...names])];
  };
  const order = async (team: TeamOfProcesses, api: MemberProcess, name: string) =>
    await team.call(api.url, 'POST', '/api/orders', { names: [name] });
  const isIssued = async (team: TeamOfProcesses, api: MemberProcess, name: string) => {
    const { body } = await team.call(api.url, 'GET', `/api/certificates?name=${name}`);
    return body.items?.[0]?.current !== undefined;
  };

  it(
    `end no process and stop no work: ${count} of them, under every key that a process reads`,
    async () => {
      const seed = Number(process.env.ACMEX_SEED ?? Math.floor(Math.random() * 2 ** 31));
      const random = randomFrom(seed);
      await using team = await teamOfProcesses({
        redisUrl: redis.url,
        ca,
        storage: 'file',
        server: 'worker_listen_addr = "127.0.0.1:0"',
      });
      const api = await team.start('api');
      const worker = await team.start('worker');
      let ended: number | null | undefined;
      for (const member of [api, worker])
        void member.ended.then((code) => {
          ended = code;
        });
      for (let written = 0; written < count && ended === undefined;) {
        const keys = await keysThatAreRead();
        for (let at = 0; at < 50; at += 1, written += 1)
          await overwrite(keys[Math.floor(random() * keys.length)] ?? '', random).catch(
            (error: unknown) => {
              // A process has replaced the key since its type was read.
              if (!String(error).includes('WRONGTYPE')) throw error;
            },
          );
        await client.publish(`${prefix}:bell`, `${Math.floor(random() * 1e6)} {broken`);
        if (written % (count / 4) === 0) await order(team, api, `during${written}.test`);
      }
      expect([ended, [...api.said, ...worker.said].filter((line) => /^ +at /.test(line))]).toEqual([
        undefined,
        [],
      ]);
      const from = systemClock.monotonic();
      expect(await order(team, api, 'after.test')).toMatchObject({ status: 202 });
      await eventually(async () => await isIssued(team, api, 'after.test'), 60);
      reportSoak(
        `${count} random values ended no process (ACMEX_SEED=${seed}); the next order took ${Math.round(systemClock.monotonic() - from)} ms`,
      );
      const { text } = await team.call(worker.url, 'GET', '/metrics');
      expect(text).toMatch(/^acmex_invalid_values_total\{kind="(job|key)"\} [1-9]/m);
      worker.kill('SIGTERM');
      expect(await worker.ended).toBe(0);
    },
    soak ? 1_200_000 : 120_000,
  );
});
