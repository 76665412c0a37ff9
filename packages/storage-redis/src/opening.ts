import { isIP } from 'node:net';
import { errorCode } from '@acmex/errors';
import { Redis, type RedisOptions } from 'ioredis';
import { type Address, checkedAddress, type RedisTarget } from './place.ts';
import { type Connect, wayToMaster } from './way-to-master.ts';

export interface OpeningOptions {
  readonly target: RedisTarget;
  /** A key of ours: the node that has it has them all, because they share a hash tag. */
  readonly ourKey: string;
  readonly allowPlaintextConnection: boolean;
  /** Milliseconds until a connection counts as failed. */
  readonly patience: number;
}

/** One attempt to reach the server that takes our writes. */
export interface Opening {
  /** Connected, and the master where there are several. */
  readonly redis: Promise<Redis>;
  /** What the client told of last, besides its answers. */
  trouble(): unknown;
  /** Closes whatever was opened, and lets whatever waits for an answer fail. */
  abandon(): void;
}

/**
 * Opens one plain connection, and nothing here tries again by itself: the next call opens anew, with the password and the
 * master of that moment. Left to itself the client would send again what got no answer, also a write that was done.
 * All addresses are asked at once, so that a silent one costs nothing; the first way that leads to the master is taken.
 */
export function opening({
  target,
  ourKey,
  allowPlaintextConnection,
  patience,
}: OpeningOptions): Opening {
  const clients = new Set<Redis>();
  let trouble: unknown;
  let decided = false;
  let taken: Redis | undefined;

  const connecting =
    (password: string | undefined): Connect =>
    async (address, login = { username: target.username, password, db: target.database }) => {
      if (!allowPlaintextConnection) checkedAddress(address, target);
      if (decided) throw new Error('another attempt was faster, or this one was given up');
      const client = new Redis({
        ...settings,
        ...login,
        ...address,
        ...encryption(target, address),
        connectTimeout: patience,
      });
      clients.add(client);
      let own: unknown;
      client.on('error', (error) => {
        own = error;
        if (!taken || taken === client) trouble = error;
      });
      try {
        await client.connect();
      } catch (closed) {
        throw own ?? closed;
      }
      return client;
    };
  const first = async () => {
    const connect = connecting(
      typeof target.password === 'function' ? await target.password() : target.password,
    );
    const sought = {
      master: target.master,
      ourKey,
      sentinelLogin: { username: target.sentinelUsername, password: target.sentinelPassword },
    };
    const ways = target.addresses.map((address) =>
      wayToMaster[target.kind](address, connect, sought),
    );
    return Promise.any(ways).catch(async () => {
      throw mostTelling(await Promise.allSettled(ways));
    });
  };
  const closeAllBut = (one?: Redis) => {
    decided = true;
    for (const client of clients) if (client !== one) client.disconnect();
  };
  const redis = first();
  redis.then(
    (client) => {
      [taken, trouble] = [client, undefined];
      closeAllBut(client);
    },
    () => closeAllBut(),
  );
  return { redis, trouble: () => trouble, abandon: () => closeAllBut() };
}

/** Where it would not be safe to go first; then what a server said; then that one was not there. */
function mostTelling(ways: readonly PromiseSettledResult<unknown>[]): unknown {
  const reasons = ways.flatMap((way) => (way.status === 'rejected' ? [way.reason] : []));
  return (
    reasons.find((reason) => errorCode(reason) === 'ERR_STORAGE_PLACE') ??
    reasons.find((reason) => errorCode(reason) === undefined) ??
    reasons[0]
  );
}

/** Without anything that the client would do later, or by itself. */
const settings = {
  lazyConnect: true,
  retryStrategy: null,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  enableReadyCheck: false,
  disableClientInfo: true,
  protocol: 2,
} as const satisfies RedisOptions;

/** A name is sent to the server and looked for in its certificate; an address is looked for only. */
function encryption({ tls }: RedisTarget, { host }: Required<Address>): Pick<RedisOptions, 'tls'> {
  if (!tls) return {};
  return { tls: { ...(isIP(host) ? {} : { servername: host }), ...(tls === true ? {} : tls) } };
}
