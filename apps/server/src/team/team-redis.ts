import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { errorText, printable } from '@acmex/errors';
import type { RedisTarget } from '@acmex/storage-redis';
import { Redis, type RedisOptions } from 'ioredis';
import { ServerError } from '../errors.ts';

export interface TeamRedisOptions {
  readonly target: RedisTarget;
  readonly clock?: Clock | undefined;
  /** Called when the connection to Redis is lost, and when it is back. */
  readonly onChange?: ((isConnected: boolean) => void) | undefined;
}

/**
 * The connections of a team to its Redis. Commands fail at once while it is away; the clients
 * reconnect by themselves.
 */
export interface TeamRedis extends AsyncDisposable {
  readonly client: Redis;
  /** For commands that block until Redis has something: they have no time limit. */
  readonly blockingClient: Redis;
  /** Only for subscriptions: Redis refuses other commands on it. */
  readonly listener: Redis;
  /** Returns whether Redis answered when it was last asked, a second ago at most. */
  isConnected(): boolean;
}

/**
 * How often Redis is asked, how long its answer may take, and the pause between attempts to
 * connect. Milliseconds.
 */
const [pingIntervalMs, pingTimeoutMs, reconnectMs] = [1000, 1000, 500];
/** The time limit of a command that does not block. Milliseconds. */
const commandTimeout = 5000;

/**
 * @throws ServerError `ERR_SERVER_UNAVAILABLE` where Redis cannot be reached or refuses the
 * credentials
 */
export async function teamRedis({
  target,
  clock = systemClock,
  onChange,
}: TeamRedisOptions): Promise<TeamRedis> {
  const password =
    typeof target.password === 'function' ? await target.password() : target.password;
  const settings: RedisOptions = {
    ...connectionOptions(target, password),
    ...behaviour,
    lazyConnect: true,
  };
  const client = new Redis({ ...settings, commandTimeout });
  const listener = new Redis({ ...settings, commandTimeout });
  const blockingClient = new Redis(settings);
  const clients = [client, listener, blockingClient];
  await connectAll(clients, target, clock);
  const monitor = new ConnectionMonitor({ clients, clock, onChange });
  client.on('close', () => monitor.report(false));
  return {
    client,
    listener,
    blockingClient,
    isConnected: () => monitor.isConnected,
    async [Symbol.asyncDispose]() {
      await monitor[Symbol.asyncDispose]();
    },
  };
}

/** @throws ServerError `ERR_SERVER_UNAVAILABLE` */
async function connectAll(
  clients: readonly Redis[],
  target: RedisTarget,
  clock: Clock,
): Promise<void> {
  let lastError: unknown;
  for (const client of clients)
    client.on('error', (error: unknown) => {
      lastError = error;
    });
  try {
    await withTimeLimit(
      { clock, limit: { seconds: 5 } },
      async (signal) =>
        await Promise.race([
          Promise.all(clients.map(async (client) => await client.connect())),
          rejectOnAbort(signal),
        ]),
    );
  } catch (error) {
    for (const client of clients) client.disconnect();
    const addresses = target.addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
    const cause = lastError ?? error;
    throw new ServerError(
      'ERR_SERVER_UNAVAILABLE',
      `Redis at ${addresses} cannot be used (${printable(errorText(cause), 200)}): check that it runs, and that redis in acmex.toml or ACMEX_REDIS_URL has its address and password`,
      { cause },
    );
  }
}

/**
 * Asks Redis once a second whether it answers. A connection whose peer is silent is closed: ioredis
 * would wait without a limit.
 */
class ConnectionMonitor implements AsyncDisposable {
  readonly #clients: readonly Redis[];
  readonly #clock: Clock;
  readonly #onChange: TeamRedisOptions['onChange'];
  readonly #ended = new AbortController();
  readonly #monitoring: Promise<void>;
  #isConnected = true;

  constructor({
    clients,
    clock,
    onChange,
  }: Pick<TeamRedisOptions, 'onChange'> & {
    readonly clients: readonly Redis[];
    readonly clock: Clock;
  }) {
    this.#clients = clients;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#monitoring = this.#monitor();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  report(isConnected: boolean): void {
    if (isConnected !== this.#isConnected && !this.#ended.signal.aborted)
      this.#onChange?.(isConnected);
    this.#isConnected = isConnected;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    for (const client of this.#clients) client.disconnect();
    await this.#monitoring;
  }

  async #monitor(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#check(signal);
      await this.#clock.sleep({ milliseconds: pingIntervalMs }, { signal }).catch(() => {
        /* disposed of */
      });
    }
  }

  async #check(signal: AbortSignal): Promise<void> {
    const [client] = this.#clients;
    const answers = client?.status === 'ready' && (await this.#answers(client, signal));
    if (signal.aborted) return;
    this.report(answers);
    if (!answers && client?.status === 'ready')
      for (const connection of this.#clients) connection.disconnect(true);
    this.#clients.forEach(connectAgain);
  }

  async #answers(client: Redis, signal: AbortSignal): Promise<boolean> {
    return await withTimeLimit(
      { clock: this.#clock, limit: { milliseconds: pingTimeoutMs }, signal },
      async (limit) => await Promise.race([client.ping(), rejectOnAbort(limit)]),
    ).then(
      () => true,
      () => false,
    );
  }
}

function connectionOptions(
  {
    kind,
    addresses,
    database: db,
    username,
    tls,
    master,
    sentinelUsername,
    sentinelPassword,
  }: RedisTarget,
  password: string | undefined,
): RedisOptions {
  const access = {
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: tls === true ? {} : tls } : {}),
  };
  const [{ host, port } = { host: '127.0.0.1', port: 6379 }] = addresses;
  if (kind !== 'sentinel') return { host, port, ...access };
  return {
    sentinels: [...addresses],
    name: master,
    role: 'master',
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: tls === true ? {} : tls } : {}),
    ...access,
  };
}

/**
 * A command without an answer fails and is not sent again; a master that has become a replica is
 * left.
 */
const behaviour = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: pingTimeoutMs,
  keepAlive: 5000,
  retryStrategy: () => reconnectMs,
  sentinelRetryStrategy: () => reconnectMs,
  sentinelReconnectStrategy: () => reconnectMs,
  failoverDetector: true,
  reconnectOnError: ({ message }: Error) =>
    /^(READONLY|MASTERDOWN|LOADING)/.test(message) ? 1 : false,
} as const satisfies RedisOptions;

/**
 * Connects a client that has given up. In Sentinel mode ioredis ends a client for good when the
 * master changes while it connects: `retryStrategy` is not asked.
 */
function connectAgain(client: Redis): void {
  if (client.status !== 'end') return;
  client.connect().catch(() => {
    /* the next check tries again */
  });
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
