import { describeWith, eventually, startRedis } from '@acmex/services';
import { redisTarget } from '@acmex/storage-redis';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { teamRedis } from './team-redis.ts';

describeWith(['redis-server'], 'the Redis of a team', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  it('connects again after a client has ended for good, as on a failover, and keeps subscriptions', async () => {
    await using team = await teamRedis({ target: redisTarget({ url: redis.url }) });
    const messages: string[] = [];
    await team.listener.subscribe('news');
    team.listener.on('message', (_channel, message) => messages.push(message));
    for (const client of [team.client, team.listener, team.blockingClient]) client.disconnect();
    await eventually(() => team.client.status === 'end');
    await eventually(() => team.isConnected() && team.blockingClient.status === 'ready');
    await eventually(async () => {
      await team.client.publish('news', 'again');
      return messages.includes('again');
    });
    expect(await team.blockingClient.ping()).toBe('PONG');
  });
});
