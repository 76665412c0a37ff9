import { isIP } from 'node:net';
import { errorCode } from '@acmex/errors';
import { Redis, type RedisOptions } from 'ioredis';
import { type Connect, connectToMaster, type Login } from './master.ts';
import { type Address, checkedAddress, type RedisTarget } from './place.ts';

export interface ConnectionAttemptOptions {
  readonly target: RedisTarget;
  /**
   * Any key of this storage: the node that has it has all of them, because they share a hash tag.
   */
  readonly ourKey: string;
  readonly allowPlaintextConnection: boolean;
  /** Milliseconds until a connection counts as failed. */
  readonly patience: number;
}

/** An attempt to reach the server that takes our writes. */
export interface ConnectionAttempt {
  /** The connected client; with sentinels or a Cluster, that of the master. */
  readonly redis: Promise<Redis>;
  /** Returns the last error that the client reported outside of a reply. */
  lastError(): unknown;
  /** Closes everything that was opened; calls that wait for an answer fail. */
  abandon(): void;
}

/**
 * Opens a connection once, without retries: the next call connects again, with the password and the
 * master of that moment. With retries the client would resend a command that got no answer, even a
 * write that was done.
 *
 * All addresses are tried at the same time, so that a silent one costs no time; the first that
 * leads to the master wins.
 */
export function startAttempt(options: ConnectionAttemptOptions): ConnectionAttempt {
  const clients = openClients(options);
  const redis = firstMaster(options, clients.connect);
  redis.then(clients.select, () => clients.closeAll());
  return { redis, lastError: clients.lastError, abandon: clients.closeAll };
}

/** Opens the clients of an attempt, and closes them except the selected client. */
function openClients({ target, allowPlaintextConnection, patience }: ConnectionAttemptOptions) {
  const clients = new Set<Redis>();
  let lastError: unknown;
  let decided = false;
  let selected: Redis | undefined;

  const closeAll = (except?: Redis) => {
    decided = true;
    for (const client of clients) if (client !== except) client.disconnect();
  };
  return {
    connect: async (address: Required<Address>, login: Login): Promise<Redis> => {
      if (!allowPlaintextConnection) checkedAddress(address, target);
      if (decided) throw new Error('a different address was faster, or the attempt was abandoned');
      const client = new Redis({
        ...settings,
        ...login,
        ...address,
        ...encryption(target, address),
        connectTimeout: patience,
      });
      clients.add(client);
      let clientError: unknown;
      client.on('error', (error) => {
        clientError = error;
        if (!selected || selected === client) lastError = error;
      });
      try {
        await client.connect();
      } catch (closed) {
        throw clientError ?? closed;
      }
      return client;
    },
    select: (client: Redis) => {
      selected = client;
      lastError = undefined;
      closeAll(client);
    },
    lastError: () => lastError,
    closeAll: () => closeAll(),
  };
}

/** Connects to the master through whichever address leads to it first. */
async function firstMaster(
  { target, ourKey }: ConnectionAttemptOptions,
  connect: (address: Required<Address>, login: Login) => Promise<Redis>,
): Promise<Redis> {
  const password =
    typeof target.password === 'function' ? await target.password() : target.password;
  const storageLogin = { username: target.username, password, db: target.database };
  const connectAs: Connect = (address, login = storageLogin) => connect(address, login);
  const wanted = {
    master: target.master,
    ourKey,
    sentinelLogin: { username: target.sentinelUsername, password: target.sentinelPassword },
  };
  const attempts = target.addresses.map((address) =>
    connectToMaster[target.kind](address, connectAs, wanted),
  );
  return await Promise.any(attempts).catch(async () => {
    throw mostUseful(await Promise.allSettled(attempts));
  });
}

/**
 * Returns the most useful reason: an unsafe address, then a reply of a server, then a failed
 * connection.
 */
function mostUseful(attempts: readonly PromiseSettledResult<unknown>[]): unknown {
  const reasons = attempts.flatMap((attempt) =>
    attempt.status === 'rejected' ? [attempt.reason] : [],
  );
  return (
    reasons.find((reason) => errorCode(reason) === 'ERR_STORAGE_PLACE') ??
    reasons.find((reason) => errorCode(reason) === undefined) ??
    reasons[0]
  );
}

/** Switches off everything that the client would do later, or by itself. */
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

/** TLS options. A host name is also sent to the server (SNI), an address is not. */
function encryption({ tls }: RedisTarget, { host }: Required<Address>): Pick<RedisOptions, 'tls'> {
  if (!tls) return {};
  return { tls: { ...(isIP(host) ? {} : { servername: host }), ...(tls === true ? {} : tls) } };
}
