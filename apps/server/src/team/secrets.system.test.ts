import { randomBytes } from 'node:crypto';
import { systemClock } from '@acmex/clock';
import { describeWith, eventually, startRedis, startRedisSentinel } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { serve } from '../serve.ts';
import { serving, startCa } from '../serving.testing.ts';

const canary = () => `canary${randomBytes(12).toString('hex')}`;

describeWith(['redis-server'], 'a server with Redis', () => {
  it('writes no secret to Redis, a log, a metric or an answer', async () => {
    await using ca = await startCa();
    const secrets = {
      encryption: randomBytes(32).toString('hex'),
      apiKey: canary() + canary(),
      token: canary(),
      eab: canary(),
      webhook: canary(),
      header: canary(),
      query: canary(),
    };
    const answers: string[] = [];
    await using teamRedis = await startRedis({ appendonly: true });
    await using server = await serving({
      ca,
      environment: { ACMEX_API_KEYS: secrets.apiKey },
      toml: `webhooks = [{ name = "w", secret = "${secrets.webhook}" }]\n[redis]\nurl = "${teamRedis.url}"\n[storage.encrypted]\nencryption_key = "${secrets.encryption}"\n[challenge.dns01]\nprovider = "cloudflare"\napi_token = "${secrets.token}"`,
    });
    const call = async (...args: Parameters<typeof server.call>) => {
      const reply = await server.call(...args);
      answers.push(reply.text);
      return reply;
    };
    const {
      body: { id, certificate },
    } = await call('POST', '/api/orders', { key: secrets.apiKey, body: { names: ['first.test'] } });
    await (
      await server.fetch(`/api/orders/${id}/events`, { headers: { 'x-api-key': secrets.apiKey } })
    ).text();
    const key = (
      await server.call('GET', `/api/certificates/${certificate}/private-key`, {
        key: secrets.apiKey,
      })
    ).text;
    ca.refused.add('refused.test');
    await call('POST', '/api/orders', { key: secrets.apiKey, body: { names: ['refused.test'] } });
    await call('GET', `/api/orders?cursor=${secrets.query}`, { key: secrets.apiKey });
    await call('GET', '/api/certificates', { key: secrets.header });
    await call('GET', '/api/queue', { key: secrets.apiKey });
    const metrics = (await call('GET', '/metrics', { key: secrets.apiKey })).text;
    await call('GET', '/health/ready');
    const log = server.log.join('\n');
    const inspector = new Redis(teamRedis.url);
    const dumps: Buffer[] = [];
    for (const name of await inspector.keys('*'))
      dumps.push(Buffer.from(name), (await inspector.dumpBuffer(name)) ?? Buffer.alloc(0));
    await inspector.quit();
    const raw = Buffer.concat(dumps);
    // The dump includes the records of the storage.
    expect(raw.includes('certificate/')).toBe(true);
    const lines = key.split('\n').filter((line) => line.length > 40);
    expect(lines.length).toBeGreaterThan(1);
    for (const secret of [...lines, ...Object.values(secrets)]) {
      expect(raw.includes(secret)).toBe(false);
      expect(log).not.toContain(secret);
      expect(metrics).not.toContain(secret);
      expect(answers.join('\n')).not.toContain(secret);
    }
  }, 60_000);

  it('starts as api with what the refusals of a start without Redis and without a key ask for', async () => {
    await using redis = await startRedis();
    const url = redis.url;
    const key = randomBytes(32).toString('hex');
    await expect(serving({ role: 'api' })).rejects.toMatchObject({
      code: 'ERR_SERVER_ROLE',
      message: expect.stringContaining('ACMEX_REDIS_URL'),
    });
    await expect(
      serving({ environment: { ACMEX_REDIS_URL: url }, role: 'api' }),
    ).rejects.toMatchObject({
      code: 'ERR_SERVER_CLEAR_KEYS',
      message: expect.stringContaining('ACMEX_STORAGE_ENCRYPTION_KEY'),
    });
    await using server = await serving({
      environment: { ACMEX_REDIS_URL: url, ACMEX_STORAGE_ENCRYPTION_KEY: key },
      role: 'api',
    });
    await expect(server.call('GET', '/health/ready')).resolves.toMatchObject({ status: 200 });
  });

  it('continues by itself when a replica takes the place of the master', async () => {
    await using ca = await startCa();
    await using redis = await startRedisSentinel();
    const sentinels = redis.sentinels.map(({ port }) => `"127.0.0.1:${port}"`).join(', ');
    await using server = await serving({
      ca,
      toml: `[redis]\nsentinels = [${sentinels}]\nmaster = "${redis.name}"\n[storage.encrypted]\nencryption_key = "${randomBytes(32).toString('hex')}"`,
    });
    const order = async (name: string) => {
      let reply = await server.call('POST', '/api/orders', { body: { names: [name] } });
      await eventually(
        async () => {
          if (reply.status === 202) return true;
          // The server limits the requests of a key, as it should.
          await systemClock.sleep({ milliseconds: 500 });
          reply = await server.call('POST', '/api/orders', { body: { names: [name] } });
          return false;
        },
        120,
        () => `${name} was refused with ${reply.status}`,
      );
      return reply.body.id as string;
    };
    const ended = async (id: string) =>
      await (
        await server.fetch(`/api/orders/${id}/events`, { headers: { 'x-api-key': server.key } })
      ).text();
    expect(await ended(await order('before.test'))).toContain('"state":"succeeded"');
    await redis.servers[0].kill();
    expect(await ended(await order('after.test'))).toContain('"state":"succeeded"');
  }, 300_000);
});

it.each([['api'], ['worker']] as const)(
  'does not start as %s without a Redis, nor with one where private keys would be stored unencrypted',
  async (role) => {
    const options = {
      environment: {},
      cwd: '/',
      home: '/',
      configFile: false as const,
      dataDirectory: '/nonexistent',
      version: '0',
      log: () => {
        /* not read here */
      },
      role,
    };
    await expect(serve(options)).rejects.toMatchObject({ code: 'ERR_SERVER_ROLE' });
    await expect(
      serve({ ...options, environment: { ACMEX_REDIS_URL: 'redis://127.0.0.1:1' } }),
    ).rejects.toMatchObject({ code: 'ERR_SERVER_CLEAR_KEYS' });
    await expect(
      serve({
        ...options,
        environment: { ACMEX_REDIS_URL: 'redis://:hidden@127.0.0.1:1', ACMEX_STORAGE: 'memory:' },
      }),
    ).rejects.toMatchObject({
      code: 'ERR_SERVER_UNAVAILABLE',
      message: expect.stringMatching(/^Redis at 127\.0\.0\.1:1 cannot be used \((?!.*hidden)/),
    });
  },
);
