import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { errorText, printable } from '@acmex/errors';
import type { RedisTarget } from '@acmex/storage-redis';
import { Redis, type RedisOptions } from 'ioredis';
import { ServerError } from '../errors.ts';

export interface TeamRedisOptions {
  readonly target: RedisTarget;
  readonly clock?: Clock | undefined;
  /** Is told when Redis is gone, and when it is there again. */
  readonly onChange?: ((here: boolean) => void) | undefined;
}

/** The Redis that a team shares. Commands fail at once while it is away, and it is looked for until it is back. */
export interface TeamRedis extends AsyncDisposable {
  readonly client: Redis;
  /** For those who wait for Redis to tell them something: no command is given up. */
  readonly patient: Redis;
  /** Only for what it subscribes to: other commands are not taken. */
  readonly listener: Redis;
  /** Whether it answered when it was last asked, a second ago at most. */
  isHere(): boolean;
}

/** How often it is asked, how long that may take, and how often it is looked for. Milliseconds. */
const [pulse, limit, pause] = [1000, 1000, 500];
/** What a command may take at most; of those that wait for something, none is sent here. Milliseconds. */
const longest = 5000;

/** @throws ServerError `ERR_SERVER_UNAVAILABLE` when it cannot be reached, or lets nobody in */
export async function teamRedis({
  target,
  clock = systemClock,
  onChange,
}: TeamRedisOptions): Promise<TeamRedis> {
  const password =
    typeof target.password === 'function' ? await target.password() : target.password;
  const settings: RedisOptions = { ...optionsOf(target, password), ...manners };
  const connection = (more: RedisOptions): Redis =>
    new Redis({ ...settings, lazyConnect: true, ...more });
  const [client, listener, patient] = [
    connection({ commandTimeout: longest }),
    connection({ commandTimeout: longest }),
    connection({}),
  ];
  const ended = new AbortController();
  let here = true;
  let trouble: unknown;
  const tell = (now: boolean) => {
    if (now !== here && !ended.signal.aborted) onChange?.(now);
    here = now;
  };
  const all = [client, listener, patient];
  for (const one of all)
    one.on('error', (error: unknown) => {
      trouble = error;
    });
  client.on('close', () => tell(false));
  const close = () => {
    ended.abort();
    for (const one of all) one.disconnect();
  };
  try {
    await withTimeLimit(
      { clock, limit: { seconds: 5 } },
      async (signal) =>
        await Promise.race([
          Promise.all(all.map(async (one) => await one.connect())),
          gone(signal, () => trouble),
        ]),
    );
  } catch (error) {
    close();
    const where = target.addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
    const why = trouble ?? error;
    throw new ServerError(
      'ERR_SERVER_UNAVAILABLE',
      `Redis at ${where} cannot be used (${printable(errorText(why), 200)}): see whether it runs, and whether redis in acmex.toml or ACMEX_REDIS_URL says where, with its password`,
      { cause: why },
    );
  }
  // A connection whose other side is gone without a word is broken off: ioredis would wait for ever.
  const beating = (async () => {
    while (!ended.signal.aborted) {
      const answers =
        client.status === 'ready' &&
        (await withTimeLimit(
          { clock, limit: { milliseconds: limit }, signal: ended.signal },
          async (signal) => await Promise.race([client.ping(), gone(signal)]),
        ).then(
          () => true,
          () => false,
        ));
      if (ended.signal.aborted) return;
      tell(answers);
      if (!answers && client.status === 'ready') for (const one of all) one.disconnect(true);
      all.forEach(connectAgain);
      await clock.sleep({ milliseconds: pulse }, { signal: ended.signal }).catch(() => {
        /* it ends */
      });
    }
  })();
  return {
    client,
    listener,
    patient,
    isHere: () => here,
    async [Symbol.asyncDispose]() {
      close();
      await beating;
    },
  };
}

function optionsOf(
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

/** What got no answer fails, and is not sent again by itself; a master that has become a replica is left. */
const manners = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: limit,
  keepAlive: 5000,
  retryStrategy: () => pause,
  sentinelRetryStrategy: () => pause,
  sentinelReconnectStrategy: () => pause,
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
  // The next beat tries again.
  client.connect().catch(() => undefined);
}

function gone(signal: AbortSignal, why: () => unknown = () => undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(why() ?? signal.reason), { once: true });
  });
}
