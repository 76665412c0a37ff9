import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import {
  describeWith,
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  reportSoak,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@acmex/services';
import type { Storage } from '@acmex/storage';
import {
  checkClause,
  historyFrom,
  holdsConcurrently,
  holdsLikeModel,
  storageContract,
} from '@acmex/storage/contract';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type RedisStorage, redisStorage, type RedisStorageOptions } from './index.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = async (storage: Storage, key: string) =>
  new TextDecoder().decode((await storage.get(key))?.value);
const histories = fc.array(fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }), {
  maxLength: 12,
});
const collect = async <T>(from: AsyncIterable<T>) => {
  const all: T[] = [];
  for await (const element of from) all.push(element);
  return all;
};

/** Runs the whole contract with two connections. */
function holdsContract(place: () => RedisStorageOptions): void {
  let storage: RedisStorage;
  let second: RedisStorage;
  beforeAll(() => {
    [storage, second] = [0, 1].map(() =>
      redisStorage({ ...place(), prefix: 'contract', allowPlaintextSecrets: true }),
    ) as [RedisStorage, RedisStorage];
  });
  afterAll(async () => {
    await Promise.all([storage, second].map((opened) => opened[Symbol.asyncDispose]()));
  });

  it.each(storageContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, clause) => {
      await checkClause(clause, { storage, secondStorage: second, place: 'contract' });
      expect(await collect(storage.list(''))).toEqual([]);
    },
  );

  it('behaves like a plain map, and concurrent writers see a consistent history', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(histories, histories, async (steps, concurrentSteps) => {
        await holdsLikeModel(storage, `m${++run}`, historyFrom(`m${run}`, steps));
        await holdsConcurrently([storage, second], `c${run}`, [
          historyFrom(`c${run}`, steps),
          historyFrom(`c${run}`, concurrentSteps),
        ]);
      }),
      { numRuns: 15 },
    );
  });
}

describeWith(['redis-server'], 'redisStorage with a single Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  describe('holds the contract:', () => holdsContract(() => ({ url: server.url })));

  it('isolates storages with different prefixes or databases', async () => {
    await using a = redisStorage({ url: server.url, prefix: 'a' });
    await using b = redisStorage({ url: server.url, prefix: 'b' });
    await using c = redisStorage({ url: `${server.url}/1`, prefix: 'a' });
    await a.write([{ set: 'k', value: bytes('1') }]);
    expect([await b.get('k'), await c.get('k'), await collect(b.snapshot())]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    await expect(a.write([{ set: 'k', value: bytes('2'), ifVersion: '' }])).rejects.toMatchObject({
      code: 'ERR_STORAGE_CONFLICT',
    });
  });

  it('works after Redis forgot its scripts', async () => {
    await using storage = redisStorage({ url: server.url, prefix: 'flush' });
    await storage.write([{ set: 'k', value: bytes('1') }]);
    await server.command('script', 'flush');
    await storage.write([{ set: 'k', value: bytes('2') }]);
    expect(await text(storage, 'k')).toBe('2');
  });

  it('reports entries that were lost or overwritten by a different program, reads the rest, and can remove them', async () => {
    await using storage = redisStorage({ url: server.url, prefix: 'broken' });
    await storage.write(['a', 'b', 'c', 'd'].map((set) => ({ set, value: bytes(set) })));
    await server.command('del', '{broken}:entry:b');
    await server.command('set', '{broken}:entry:c', 'something');
    await expect(storage.get('b')).rejects.toMatchObject({
      code: 'ERR_STORAGE_CORRUPT',
      key: 'b',
      message: expect.stringContaining('maxmemory-policy'),
    });
    await expect(collect(storage.list(''))).rejects.toMatchObject({
      code: 'ERR_STORAGE_CORRUPT',
      key: 'b',
    });
    for (const read of [storage.list.bind(storage, ''), storage.snapshot.bind(storage)]) {
      const corruptKeys: unknown[] = [];
      expect(
        (
          await collect(
            read({ onCorrupt: (error) => corruptKeys.push((error as { key?: unknown }).key) }),
          )
        ).map(({ key }) => key),
      ).toEqual(['a', 'd']);
      expect(corruptKeys).toEqual(['b', 'c']);
    }
    await storage.write([{ remove: 'b' }, { remove: 'c' }]);
    expect((await collect(storage.list(''))).map(({ key }) => key)).toEqual(['a', 'd']);
  });

  it('yields in a snapshot the entries of its first moment, however much is written before it ends', async () => {
    await using storage = redisStorage({ url: server.url, prefix: 'snapshot' });
    await using writer = redisStorage({ url: server.url, prefix: 'snapshot' });
    const keys = Array.from({ length: 1000 }, (_, at) => `k/${String(at).padStart(4, '0')}`);
    for (let at = 0; at < 1000; at += 100)
      await storage.write(keys.slice(at, at + 100).map((set) => ({ set, value: bytes('before') })));
    const seen: string[] = [];
    for await (const { key, value } of storage.snapshot()) {
      if (seen.length === 10) {
        for (let at = 0; at < 1000; at += 50)
          await writer.write(
            keys
              .slice(at, at + 50)
              .map((key, n) => (n % 2 ? { remove: key } : { set: key, value: bytes('after') })),
          );
        await writer.write(['a', 'k/0500x', 'z'].map((set) => ({ set, value: bytes('after') })));
      }
      seen.push(`${key} ${new TextDecoder().decode(value)}`);
    }
    expect(seen).toEqual(keys.map((key) => `${key} before`));
    expect((await collect(storage.snapshot())).length).toBe(503);
    expect(await server.command('--scan', '--pattern', '{snapshot}:snap*')).toBe('');
  });

  it('fails a snapshot that Redis deleted, instead of yielding a later moment', async () => {
    await using storage = redisStorage({ url: server.url, prefix: 'forgotten' });
    for (let at = 0; at < 4; at += 1)
      await storage.write(
        Array.from({ length: 100 }, (_, n) => ({ set: `k${at}/${n}`, value: bytes('1') })),
      );
    let seen = 0;
    await expect(
      (async () => {
        for await (const entry of storage.snapshot()) {
          if (entry.key && seen++ === 0)
            await server.command(
              'del',
              ...(await server.command('--scan', '--pattern', '{forgotten}:snapshot:*')).split(
                '\n',
              ),
            );
        }
      })(),
    ).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    expect(seen).toBeLessThan(400);
    await storage.write([{ set: 'k', value: bytes('1') }]);
    expect(await server.command('exists', '{forgotten}:snapshots')).toBe('0');
  });

  it('reports what could be lost with the current settings', async () => {
    await using storage = redisStorage({ url: server.url });
    const codes = async (...settings: readonly (readonly [string, string])[]) => {
      for (const setting of settings) await server.command('config', 'set', ...setting);
      return (await storage.durability()).map(({ code }) => code);
    };
    expect(await codes()).toEqual(['REDIS_NOT_PERSISTENT']);
    expect(await codes(['maxmemory-policy', 'allkeys-lru'], ['appendonly', 'yes'])).toEqual([
      'REDIS_EVICTION',
      'REDIS_LAST_WRITES',
    ]);
    expect(await codes(['maxmemory-policy', 'noeviction'], ['appendfsync', 'always'])).toEqual([]);
    expect(await codes(['aof-load-truncated', 'yes'])).toEqual(['REDIS_TORN_WRITES']);
    await codes(['appendonly', 'no']);
  });

  it('says how to fix a full Redis, and still reads', async () => {
    await using storage = redisStorage({ url: server.url, prefix: 'full' });
    await storage.write([{ set: 'k', value: bytes('1') }]);
    await server.command('config', 'set', 'maxmemory', '1mb');
    await expect(
      storage.write([{ set: 'k', value: bytes('2') }, { remove: 'x' }]),
    ).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('no memory left'),
    });
    expect(await text(storage, 'k')).toBe('1');
    await server.command('config', 'set', 'maxmemory', '0');
    await storage.write([{ set: 'k', value: bytes('2') }]);
  });

  it('lists the first ten of many keys', async () => {
    await using storage = redisStorage({ url: server.url, prefix: 'many' });
    const keys = Array.from(
      { length: 3000 },
      (_, at) =>
        `due/2030-01-${String((at % 28) + 1).padStart(2, '0')}/${String(at % 24).padStart(2, '0')}/${at}`,
    );
    for (let at = 0; at < keys.length; at += 100)
      await storage.write(keys.slice(at, at + 100).map((set) => ({ set, value: bytes('1') })));
    expect((await collect(storage.list('due', { limit: 10 }))).map(({ key }) => key)).toEqual(
      [...keys].sort().slice(0, 10),
    );
    expect((await collect(storage.list(''))).map(({ key }) => key)).toEqual([...keys].sort());
  });
});

describeWith(['redis-server'], 'redisStorage with a Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });
  const nodes = () => cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));

  describe('holds the contract:', () => holdsContract(() => ({ nodes: nodes() })));

  it('finds its node from any node, even if a configured node is down', async () => {
    for (const node of nodes()) {
      for (const prefix of ['a', 'b', 'c', 'd']) {
        await using storage = redisStorage({
          nodes: [{ host: '127.0.0.1', port: 1 }, node],
          prefix,
        });
        await storage.write([{ set: `k/${node.port}`, value: bytes('1') }]);
      }
    }
    await using storage = redisStorage({ nodes: nodes(), prefix: 'b' });
    expect((await collect(storage.list('k'))).length).toBe(3);
  });

  it('reports a Cluster where a single server was configured', async () => {
    const messages = await Promise.all(
      nodes().map(async (node) => {
        await using storage = redisStorage({ ...node });
        return await storage.get('k').then(
          () => 'there',
          (error: Error) => error.message,
        );
      }),
    );
    expect(messages.filter((message) => message !== 'there')).toEqual([
      expect.stringContaining('a different node'),
      expect.stringContaining('a different node'),
    ]);
  });

  it('reports that its node is down, and works when it is back', async () => {
    await using storage = redisStorage({ nodes: nodes() });
    await storage.write([{ set: 'k', value: bytes('1') }]);
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    await expect(storage.get('k')).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await eventually(() => storage.write([{ set: 'k', value: bytes('2') }]));
  });
});

describeWith(['redis-server'], 'redisStorage behind Sentinel', () => {
  let watched: RedisSentinel;
  beforeAll(async () => {
    watched = await startRedisSentinel();
  });
  afterAll(async () => {
    await watched?.[Symbol.asyncDispose]();
  });
  const place = () => ({
    sentinels: watched.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    master: watched.name,
  });

  describe('holds the contract:', () => holdsContract(place));

  it('names the master that the sentinels do not know', async () => {
    await using storage = redisStorage({ ...place(), master: 'other' });
    await expect(storage.get('k')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('does not know the master other'),
    });
  });

  it('reports that a replica takes no writes', async () => {
    await using storage = redisStorage({ url: watched.servers[1].url });
    await expect(storage.write([{ set: 'k', value: bytes('1') }])).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('is a replica'),
    });
  });

  it('continues with the replica when the master is gone', async () => {
    const codes: string[] = [];
    await using storage = redisStorage({ ...place(), onNotice: ({ code }) => codes.push(code) });
    await storage.write([{ set: 'k', value: bytes('1') }]);
    expect(codes).toEqual(['REDIS_NOT_PERSISTENT', 'REDIS_FAILOVER']);
    await eventually(async () =>
      expect(await watched.servers[1].command('exists', '{acmex}:entry:k')).toBe('1'),
    );
    await watched.servers[0].kill();
    await expect(storage.get('k')).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    await eventually(() => storage.write([{ set: 'k2', value: bytes('2') }]));
    expect(await text(storage, 'k')).toBe('1');
  });
});

describeWith(['redis-server'], 'redisStorage with users and TLS', () => {
  it('needs no more permissions than the README lists', async () => {
    const readme = await (
      await import('node:fs/promises')
    ).readFile(new URL('../README.md', import.meta.url), 'utf8');
    const [line = ''] = /^user acmex .*$/m.exec(readme) ?? [];
    await using server = await startRedis({
      acl: [
        'user default off',
        line.replace('PASSWORD', 'geheim'),
        'user poor on >arm ~{acmex}:* -@all +get',
      ],
    });
    let password = 'falsch';
    const place = { url: server.url, username: 'acmex', password: async () => password };
    await using storage = redisStorage(place);
    await expect(storage.get('k')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/does not accept this user/),
    });
    password = 'geheim';
    await using second = redisStorage(place);
    const codes: string[] = [];
    await using third = redisStorage({
      ...place,
      allowPlaintextSecrets: true,
      onNotice: ({ code }) => codes.push(code),
    });
    for (const clause of storageContract.filter(({ title }) => !title.includes('secrecy')))
      await checkClause(clause, {
        storage: clause.title.includes('lock') ? third : storage,
        secondStorage: second,
        place: 'acl',
      });
    await third.get('k');
    expect(codes).toEqual(['REDIS_PLAINTEXT_SECRETS', 'REDIS_NOT_PERSISTENT']);

    for (const [username, key, message] of [
      [undefined, 'arm', /does not accept this user|asks for a password/],
      ['poor', 'arm', /does not let this user/],
    ] as const) {
      await using poor = redisStorage({ url: server.url, username, password: key });
      const failure = await poor.get('k').catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: 'ERR_STORAGE_UNAVAILABLE',
        message: expect.stringMatching(message),
      });
      expect((await import('node:util')).inspect(failure, { depth: 9 })).not.toContain('>arm');
    }
    await using anonymous = redisStorage({ url: server.url });
    await expect(anonymous.get('k')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/asks for a password/),
    });
  });

  it('connects by TLS only to a server whose certificate it can verify', async () => {
    await using server = await startRedis({ tls: true, password: 'geheim' });
    await using storage = redisStorage({
      url: server.url,
      password: 'geheim',
      tls: { ca: server.caCertificate },
    });
    await storage.write([{ set: 'k', value: new Uint8Array(1024 * 1024) }]);
    expect((await storage.get('k'))?.value.length).toBe(1024 * 1024);
    await using untrusting = redisStorage({ url: server.url, password: 'geheim' });
    await expect(untrusting.get('k')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringMatching(/cannot be reached: .*certificate/),
    });
    await using clear = redisStorage({
      url: server.url.replace('rediss', 'redis'),
      password: 'geheim',
    });
    await expect(clear.get('k')).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
  });
});

describeWith(['redis-server'], 'redisStorage with a Redis that is killed', () => {
  const kills = process.env.ACMEX_SOAK === 'storage' ? 200 : 10;

  it(
    `loses nothing that was acknowledged under appendfsync always, over ${kills} kills`,
    async () => {
      await using server = await startRedis({ appendonly: true, appendfsync: 'always' });
      const notices: unknown[] = [];
      const storages = [0, 1, 2].map(() =>
        redisStorage({ url: server.url, onNotice: (notice) => notices.push(notice) }),
      );
      let over = false;
      let failures = 0;
      const acknowledged = await Promise.all([
        Promise.resolve([]),
        ...storages.map(async (storage, writer) => {
          const done: string[] = [];
          for (let round = 0; !over; round += 1) {
            const keys = [0, 1, 2].map((part) => `w${writer}/${round}/${part}`);
            try {
              await storage.write(keys.map((set) => ({ set, value: bytes(set) })));
              done.push(...keys);
            } catch (error) {
              expect(errorCode(error)).toBe('ERR_STORAGE_UNAVAILABLE');
              failures += 1;
              await systemClock.sleep({ milliseconds: 5 });
            }
          }
          return done;
        }),
        (async () => {
          for (let kill = 0; kill < kills; kill += 1) {
            await systemClock.sleep({ milliseconds: 20 + Math.floor(Math.random() * 80) });
            await server.kill();
            await server.restart();
          }
          over = true;
          return [];
        })(),
      ]);
      const all = new Set((await collect(storages[0]!.snapshot())).map(({ key }) => key));
      const written = acknowledged.flat();
      expect(written.filter((key) => !all.has(key))).toEqual([]);
      // Each write is there with all of its three keys, or not at all.
      const keysPerWrite = new Map<string, number>();
      for (const key of all)
        keysPerWrite.set(key.slice(0, -2), (keysPerWrite.get(key.slice(0, -2)) ?? 0) + 1);
      expect([...keysPerWrite.values()].filter((count) => count !== 3)).toEqual([]);
      expect(failures).toBeGreaterThan(0);
      expect(notices).toEqual([]);
      reportSoak(
        `redis killed ${kills} times during writes: ${written.length} keys acknowledged, ${failures} calls failed because Redis was away, 0 keys lost, 0 writes torn`,
      );
      await Promise.all(storages.map((storage) => storage[Symbol.asyncDispose]()));
    },
    60_000 + kills * 6000,
  );

  it('leaves all or nothing of a write that a kill has cut, also after the next kill', async () => {
    await using server = await startRedis({ appendonly: true, appendfsync: 'always' });
    await using storage = redisStorage({ url: server.url });
    const write = async (name: string) =>
      await eventually(
        async () =>
          await storage.write(
            [1, 2, 3].map((part) => ({ set: `${name}/${part}`, value: bytes(name) })),
          ),
      );
    await write('first');
    await write('cut');
    await server.kill();
    const file = join(server.folder, 'appendonlydir', 'appendonly.aof.1.incr.aof');
    // In the middle of the last command of the script.
    await truncate(file, (await readFile(file)).lastIndexOf('ZADD') - 1);
    await server.restart();
    await write('last');
    await server.kill();
    await server.restart();
    const keys = await eventually(async () =>
      (await collect(storage.list(''))).map(({ key }) => key),
    );
    expect(keys).toEqual(['first/1', 'first/2', 'first/3', 'last/1', 'last/2', 'last/3']);
  });

  it('reports within a second that Redis is away or hangs, and works when it is back', async () => {
    await using server = await startRedis({ appendonly: true });
    await using storage = redisStorage({ url: server.url });
    await storage.write([{ set: 'k', value: bytes('1') }]);
    for (const [away, back] of [
      [() => server.kill(), () => server.restart()],
      [
        async () => {
          process.kill(server.pid(), 'SIGSTOP');
        },
        async () => {
          process.kill(server.pid(), 'SIGCONT');
        },
      ],
    ] as const) {
      await away();
      const start = systemClock.monotonic();
      for (const call of [
        storage.get('k'),
        storage.write([{ set: 'k', value: bytes('2') }]),
        collect(storage.list('')),
        collect(storage.snapshot()),
      ]) {
        await expect(call).rejects.toMatchObject({
          code: 'ERR_STORAGE_UNAVAILABLE',
          message: expect.stringContaining(`127.0.0.1:${server.port}`),
        });
      }
      expect(systemClock.monotonic() - start).toBeLessThan(5000);
      await back();
      await storage.write([{ set: 'k', value: bytes('3') }]);
      expect(await text(storage, 'k')).toBe('3');
    }
  });
});

/** Retries for ten seconds at most, while the storage is unavailable. */
async function eventually<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (
        attempt === 100 ||
        (errorCode(error) !== undefined && errorCode(error) !== 'ERR_STORAGE_UNAVAILABLE')
      )
        throw error;
      await systemClock.sleep({ milliseconds: 100 });
    }
  }
}
