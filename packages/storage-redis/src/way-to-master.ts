import type { Redis } from 'ioredis';
import { messageOf } from './failure.ts';
import type { Address, RedisTarget } from './place.ts';

interface Login {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number | undefined;
}

/** Connects to an address; with the user and the database of the storage where nothing else is said. */
export type Connect = (address: Required<Address>, login?: Login) => Promise<Redis>;

interface Sought {
  /** What the sentinels call the master. */
  readonly master: string;
  readonly ourKey: string;
  readonly sentinelLogin: Login;
}

/** From an address that was given to the server that takes our writes. */
export const wayToMaster: Readonly<
  Record<
    RedisTarget['kind'],
    (address: Required<Address>, connect: Connect, sought: Sought) => Promise<Redis>
  >
> = {
  server: (address, connect) => connect(address),

  async sentinel(address, connect, { master, sentinelLogin }) {
    const sentinel = await connect(address, sentinelLogin);
    const answer = await sentinel.call('SENTINEL', 'get-master-addr-by-name', master);
    sentinel.disconnect();
    if (!Array.isArray(answer))
      throw new Error(`the sentinel knows no master ${master}: correct \`master\``);
    const redis = await connect({ host: String(answer[0]), port: Number(answer[1]) });
    const [role] = await redis.role();
    if (role !== 'master')
      throw new Error(`the sentinel's master ${master} is a ${String(role)} at the moment`);
    return redis;
  },

  /** Any command on a key of ours will do: a node that does not have it says which one does. */
  async cluster(address, connect, { ourKey }) {
    const mostHops = 5;
    let at = address;
    for (let hop = 0; hop < mostHops; hop += 1) {
      const node = await connect(at);
      const elsewhere = await node.type(ourKey).then(() => undefined, movedTo);
      if (elsewhere === undefined) return node;
      node.disconnect();
      at = { host: elsewhere.host || at.host, port: elsewhere.port };
    }
    throw new Error('the nodes of the Cluster send from one to the other: look at CLUSTER NODES');
  },
};

/** `MOVED 3999 127.0.0.1:6381`; without a host where it is the one that was asked. */
function movedTo(refusal: unknown): Required<Address> {
  const [, host = '', port] = /^MOVED \d+ (.*):(\d+)$/.exec(messageOf(refusal)) ?? [];
  if (port === undefined) throw refusal;
  return { host, port: Number(port) };
}
