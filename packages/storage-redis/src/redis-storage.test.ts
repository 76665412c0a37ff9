import { createServer } from 'node:net';
import { systemClock } from '@acmex/clock';
import { freePort } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { type Notice, redisStorage, type RedisStorageOptions } from './index.ts';

describe('redisStorage', () => {
  it.each<[string, RedisStorageOptions]>([
    ['a URL without TLS', { url: 'redis://:geheim@redis.example.com' }],
    ['a URL without a password', { url: 'rediss://redis.example.com' }],
    ['a host without TLS', { host: '192.0.2.1', password: 'geheim' }],
    [
      'a sentinel of several that is on a different machine',
      {
        sentinels: [{ host: '127.0.0.1' }, { host: '192.0.2.1' }],
        master: 'acmex',
        password: 'geheim',
      },
    ],
    ['a Cluster without TLS', { nodes: [{ host: '2001:db8::1' }], password: 'geheim' }],
  ])(
    'refuses a connection over a network with %s, and does not show the password',
    (_, options) => {
      expect(() => redisStorage(options)).toThrow(
        expect.objectContaining({
          code: 'ERR_STORAGE_PLACE',
          message: expect.not.stringContaining('geheim'),
        }),
      );
      const notices: Notice[] = [];
      redisStorage({
        ...options,
        allowPlaintextConnection: true,
        onNotice: (notice) => notices.push(notice),
      });
      expect(notices.map(({ code }) => code)).toEqual(['REDIS_PLAINTEXT_CONNECTION']);
    },
  );

  it.each<[string, RedisStorageOptions]>([
    ['TLS and a password', { url: 'rediss://:geheim@redis.example.com/2' }],
    [
      'TLS and a password from a function',
      { host: 'redis.example.com', tls: true, password: async () => 'geheim' },
    ],
    [
      'TLS and a client certificate',
      { host: 'redis.example.com', tls: { cert: 'PEM', key: 'PEM' } },
    ],
    ['this machine', { url: 'redis://[::1]:6380' }],
    ['this machine by name', { nodes: [{ host: 'localhost' }] }],
  ])('accepts %s', (_, options) => {
    expect(redisStorage(options)).toBeDefined();
  });

  it.each([
    '',
    'geheim',
    'http://:geheim@127.0.0.1',
    'redis://:geheim@127.0.0.1/one',
    'redis://127.0.0.1?password=geheim',
  ])('refuses the URL %j without repeating it', (url) => {
    expect(() => redisStorage({ url })).toThrow(
      expect.objectContaining({
        code: 'ERR_STORAGE_PLACE',
        message: expect.not.stringContaining('geheim'),
      }),
    );
  });

  it.each(['', 'a{b}', 'a b'])('refuses the prefix %j', (prefix) => {
    expect(() => redisStorage({ host: '127.0.0.1', prefix })).toThrow(
      expect.objectContaining({ code: 'ERR_STORAGE_INPUT' }),
    );
  });

  it('refuses secrets before it connects, and warns each time a storage is opened that allows them', async () => {
    await using storage = redisStorage({ host: '127.0.0.1', port: 1 });
    await expect(
      storage.write([{ set: 'a/b', value: new Uint8Array(), secret: true }]),
    ).rejects.toMatchObject({ code: 'ERR_STORAGE_SECRET', key: 'a/b' });
    const codes: string[] = [];
    for (let opening = 0; opening < 2; opening += 1)
      redisStorage({
        host: '127.0.0.1',
        allowPlaintextSecrets: true,
        onNotice: ({ code }) => codes.push(code),
      });
    expect(codes).toEqual(['REDIS_PLAINTEXT_SECRETS', 'REDIS_PLAINTEXT_SECRETS']);
  });

  it('reports within a second from every call that no server listens', async () => {
    const port = await freePort();
    await using storage = redisStorage({ url: `redis://:geheim@127.0.0.1:${port}` });
    for (const call of calls(storage)) {
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_STORAGE_UNAVAILABLE',
        message: `Redis at 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}`,
      });
    }
  });

  it('reports from every call that the server does not answer', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const storage = redisStorage({ host: '127.0.0.1', port, patience: { milliseconds: 200 } });
    const start = systemClock.monotonic();
    await Promise.all(
      calls(storage).map((call) =>
        expect(call()).rejects.toMatchObject({
          code: 'ERR_STORAGE_UNAVAILABLE',
          message: `Redis at 127.0.0.1:${port} did not answer in time`,
        }),
      ),
    );
    expect(systemClock.monotonic() - start).toBeLessThan(5000);
    await storage[Symbol.asyncDispose]();
    await expect(storage.get('a')).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: `Redis at 127.0.0.1:${port}: the storage was closed`,
    });
    silent.close();
  });

  it('aborts a call with the reason of its signal, and lets the next call wait', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    await using storage = redisStorage({
      host: '127.0.0.1',
      port,
      patience: { milliseconds: 300 },
    });
    const [stop, reason] = [new AbortController(), new Error('enough')];
    const aborted = storage.get('a', { signal: stop.signal });
    const waiting = storage.get('b');
    stop.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(waiting).rejects.toMatchObject({
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: expect.stringContaining('in time'),
    });
    silent.close();
  });
});

describe('redisStorage redirected to a different machine', () => {
  it.each<[string, string, (port: number) => RedisStorageOptions]>([
    [
      'a node',
      '-MOVED 1 192.0.2.1:6379\r\n',
      (port) => ({
        nodes: [
          { host: '127.0.0.1', port: 1 },
          { host: '127.0.0.1', port },
        ],
      }),
    ],
    [
      'a sentinel',
      '*2\r\n$9\r\n192.0.2.1\r\n$4\r\n6379\r\n',
      (port) => ({ sentinels: [{ host: '127.0.0.1', port }], master: 'acmex' }),
    ],
  ])('by %s does not connect there without TLS', async (_, answer, place) => {
    const server = createServer((socket) => socket.on('data', () => socket.write(answer)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using storage = redisStorage(place((server.address() as { port: number }).port));
    await expect(storage.get('a')).rejects.toMatchObject({
      code: 'ERR_STORAGE_PLACE',
      message: expect.stringContaining('192.0.2.1:6379 is not on this machine'),
    });
    server.close();
  });
});

function calls(storage: ReturnType<typeof redisStorage>): (() => Promise<unknown>)[] {
  return [
    () => storage.get('a'),
    () => storage.write([{ set: 'a', value: new Uint8Array() }]),
    () => storage.list('a')[Symbol.asyncIterator]().next(),
    () => storage.snapshot()[Symbol.asyncIterator]().next(),
    () => storage.durability(),
  ];
}
