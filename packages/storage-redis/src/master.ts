import type { Redis } from 'ioredis';
import { messageOf } from './failure.ts';
import type { Address, RedisTarget } from './place.ts';

export interface Login {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number | undefined;
}

/** Connects to an address, by default with the user and the database of the storage. */
export type Connect = (address: Required<Address>, login?: Login) => Promise<Redis>;

interface WantedMaster {
  /** The sentinels' name of the master. */
  readonly master: string;
  readonly ourKey: string;
  readonly sentinelLogin: Login;
}

/** Connects to the server that takes our writes, starting from a configured address. */
export const connectToMaster: Readonly<
  Record<
    RedisTarget['kind'],
    (address: Required<Address>, connect: Connect, wanted: WantedMaster) => Promise<Redis>
  >
> = {
  server: (address, connect) => connect(address),

  async sentinel(address, connect, { master, sentinelLogin }) {
    const sentinel = await connect(address, sentinelLogin);
    const answer = await sentinel.call('SENTINEL', 'get-master-addr-by-name', master);
    sentinel.disconnect();
    if (!Array.isArray(answer))
      throw new Error(`the sentinel does not know the master ${master}: correct \`master\``);
    const redis = await connect({ host: String(answer[0]), port: Number(answer[1]) });
    const [role] = await redis.role();
    if (role !== 'master')
      throw new Error(`the sentinel's master ${master} is a ${String(role)} now`);
    return redis;
  },

  /** Follows redirects: a node that does not have our key names the node that has it. */
  async cluster(address, connect, { ourKey }) {
    const maxHops = 5;
    let at = address;
    for (let hop = 0; hop < maxHops; hop += 1) {
      const node = await connect(at);
      const elsewhere = await node.type(ourKey).then(() => undefined, movedTo);
      if (elsewhere === undefined) return node;
      node.disconnect();
      at = { host: elsewhere.host || at.host, port: elsewhere.port };
    }
    throw new Error('the nodes of the Cluster redirect to each other: check CLUSTER NODES');
  },
};

/** Parses `MOVED 3999 127.0.0.1:6381`; the host is empty if it is the host that replied. */
function movedTo(refusal: unknown): Required<Address> {
  const [, host = '', port] = /^MOVED \d+ (.*):(\d+)$/.exec(messageOf(refusal)) ?? [];
  if (port === undefined) throw refusal;
  return { host, port: Number(port) };
}
