import { randomBytes } from 'node:crypto';
import { describeWith, startRedis } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { serving, startCa } from '../serving.testing.ts';
import { teamOfProcesses } from './team.testing.ts';

describeWith(['redis-server'], 'the board of queues', () => {
  it('is shown to a key that may do everything, which a browser asks for, and to no other, where the configuration says so', async () => {
    await using redis = await startRedis({ appendonly: true });
    await using ca = await startCa();
    // A process of its own, because Jest cannot load what the board is made of.
    await using team = await teamOfProcesses({ redisUrl: redis.url, ca, server: 'board = true' });
    const { url } = await team.start('api');
    const request = async (path: string, key?: string, method = 'GET') =>
      await fetch(`${url}${path}`, {
        method,
        headers:
          key === undefined
            ? {}
            : { authorization: `Basic ${Buffer.from(`any:${key}`).toString('base64')}` },
      });
    const anonymous = await request('/board');
    expect([anonymous.status, anonymous.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('Basic'),
    ]);
    for (const rights of [
      { names: ['*.a.test'], scopes: ['queue:write'] },
      { names: ['*'], scopes: ['queue:read'] },
    ]) {
      const { body } = await team.call(url, 'POST', '/api/keys', { title: 'narrow', ...rights });
      expect((await request('/board', body.key)).status).toBe(403);
    }
    for (const [path, method] of [
      ['/board/api/queues', 'GET'],
      ['/board/static/x.css', 'GET'],
      ['/board/api/queues/x/retry/failed', 'PUT'],
    ] as const)
      expect((await request(path, undefined, method)).status).toBe(401);
    const page = await request('/board', team.key);
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("frame-ancestors 'none'"),
    ]);
    expect(await page.text()).toContain('AcmeX');
    await team.call(url, 'POST', '/api/orders', { names: ['waits.test'] });
    expect((await request('/board/api/queues', team.key)).status).toBe(200);
  }, 60_000);
  it('is not there otherwise', async () => {
    await using server = await serving();
    expect((await server.fetch('/board', { headers: { 'x-api-key': server.key } })).status).toBe(
      404,
    );
  });
});

describeWith(['redis-server'], 'the view of the queue', () => {
  it('reports how many tasks run at once, and in which workers', async () => {
    await using redis = await startRedis({ appendonly: true });
    await using server = await serving({
      toml: `[redis]\nurl = "${redis.url}"\n[storage.encrypted]\nencryption_key = "${randomBytes(32).toString('hex')}"`,
    });
    const { body } = await server.call('GET', '/api/queue');
    expect(body).toMatchObject({
      waiting: { urgent: 0, high: 0, normal: 0, low: 0 },
      capacity: 5,
      groups: [],
      workers: [{ name: expect.stringContaining(`/${process.pid}/`), capacity: 5 }],
    });
  });
});
