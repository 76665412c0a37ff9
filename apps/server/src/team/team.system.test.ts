import { describeWith, type RedisServer, startRedis } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startCa, type TestCa } from '../serving.testing.ts';
import { teamOfProcesses, until } from './team.testing.ts';

describeWith(['redis-server'], 'a team', () => {
  let ca: TestCa;
  let redis: RedisServer;
  beforeAll(async () => { [ca, redis] = await Promise.all([startCa(), startRedis({ appendonly: true })]); });
  afterAll(async () => { await redis[Symbol.asyncDispose](); await ca[Symbol.asyncDispose](); });

  it('orders by one process what another was asked for', async () => {
    await using team = await teamOfProcesses({ redisUrl: redis.url, ca });
    const api = await team.start('api');
    const { status, body: { id, certificate } } = await team.call(api.url, 'POST', '/api/orders', { names: ['first.test'] });
    expect(status).toBe(202);
    await team.start('worker');
    await until(async () => (await team.call(api.url, 'GET', `/api/orders/${id}`)).body.state === 'succeeded', 60);
    expect((await team.call(api.url, 'GET', `/api/certificates/${certificate}/chain`)).text).toContain('BEGIN CERTIFICATE');
    const { body: ready } = await team.call(api.url, 'GET', '/health/ready');
    expect(ready).toMatchObject({ components: { storage: 'healthy', queue: 'healthy' }, workers: 1, redis: [expect.stringContaining('appendfsync is everysec')] });
  });
});
