import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { type RedisServer, startRedis, startRedisProgram } from './redis.ts';

export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
}

/**
 * A master with a replica, and sentinels that put the replica instead of a master which is silent
 * for half a second.
 */
export interface RedisSentinel extends AsyncDisposable {
  /** What the sentinels call the master. */
  readonly name: string;
  /** The master at the start, and its replica. */
  readonly servers: readonly [RedisServer, RedisServer];
  readonly sentinels: readonly RedisServer[];
}

/** Starts a Redis Cluster of three masters that share all slots. @throws ProgramError */
export async function startRedisCluster(): Promise<RedisCluster> {
  const resources = opened();
  try {
    const ports: string[] = [];
    const nodes: RedisServer[] = [];
    for (const slots of [
      ['0', '5460'],
      ['5461', '10922'],
      ['10923', '16383'],
    ] as const) {
      const port = String(await freePort());
      const node = resources.use(
        await startRedisProgram({
          configure: async () => ({
            'cluster-enabled': 'yes',
            'cluster-port': port,
            'cluster-node-timeout': '2000',
          }),
        }),
      );
      await node.command('cluster', 'addslotsrange', ...slots);
      for (const [at, peer] of nodes.entries())
        await node.command('cluster', 'meet', '127.0.0.1', String(peer.port), ports[at] ?? '');
      nodes.push(node);
      ports.push(port);
    }
    await eventually(async () =>
      (await Promise.all(nodes.map(({ command }) => command('cluster', 'info')))).every(
        (info) => info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3'),
      ),
    );
    return { nodes, [Symbol.asyncDispose]: () => resources.close() };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

/** Starts a master, its replica, and one sentinel or three. @throws ProgramError */
export async function startRedisSentinel({
  sentinels: count = 1,
}: { readonly sentinels?: 1 | 3 } = {}): Promise<RedisSentinel> {
  const resources = opened();
  const name = 'acmex';
  try {
    const master = resources.use(
      await startRedis({ settings: { 'repl-diskless-sync-delay': '0' } }),
    );
    const replica = resources.use(
      await startRedis({
        settings: { replicaof: `127.0.0.1 ${master.port}`, 'repl-diskless-sync-delay': '0' },
      }),
    );
    await eventually(async () =>
      (await replica.command('info', 'replication')).includes('master_link_status:up'),
    );
    const watch = {
      'sentinel monitor': `${name} 127.0.0.1 ${master.port} ${count === 1 ? 1 : 2}`,
      'sentinel down-after-milliseconds': `${name} 500`,
      'sentinel failover-timeout': `${name} 2000`,
    };
    const sentinels = await Promise.all(
      Array.from({ length: count }, async () =>
        resources.use(
          await startRedisProgram({ configure: async () => watch, args: ['--sentinel'] }),
        ),
      ),
    );
    await eventually(async () =>
      (
        await Promise.all(sentinels.map(({ command }) => command('sentinel', 'master', name)))
      ).every(
        (seen) =>
          seen.includes('num-slaves\n1\n') && seen.includes(`num-other-sentinels\n${count - 1}\n`),
      ),
    );
    return {
      name,
      servers: [master, replica],
      sentinels,
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

/** Looks every 50 milliseconds, for 15 seconds at most. */
