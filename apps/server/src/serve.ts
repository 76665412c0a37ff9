import 'reflect-metadata';
import type { Server } from 'node:https';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import {
  type Config,
  openStorage,
  type Override,
  readConfig,
  redisOf,
  storageOf,
} from '@acmex/config';
import { errorCode, errorText, printable } from '@acmex/errors';
import { worker } from '@acmex/manager';
import { fromConfig, reconcileDeclared } from '@acmex/manager/from-config';
import { outbox } from '@acmex/orchestrator';
import { nodeFetch } from '@acmex/protocol/node';
import { inProcessQueue } from '@acmex/scheduler';
import type { Storage } from '@acmex/storage';
import type { FastifyInstance } from 'fastify';
import { FETCH } from './accounts/accounts.ts';
import { Authenticator } from './access/authenticator.ts';
import { assertStrong, digestOf } from './access/api-key.ts';
import { forgetInitialKey, initialKey } from './access/initial-key.ts';
import { KeyStore } from './access/key-store.ts';
import { oidc } from './access/oidc.ts';
import { OPEN_API } from './docs/documentation.ts';
import { STORAGE } from './health/health.ts';
import { Metrics } from './metrics/metrics.ts';
import { WebhookSenders } from './webhooks/webhook-senders.ts';
import { CertificateCounts } from './certificate-counts.ts';
import { challengeAnswers } from './challenge-answers.ts';
import { controllers, workerControllers } from './controllers.ts';
import { LongPoll } from './certificates/long-poll.ts';
import { ServerError } from './errors.ts';
import { application } from './http/application.ts';
import { endpointsOf } from './http/endpoint.ts';
import { STOPPING } from './http/request-pipeline.ts';
import { Idempotency } from './http/idempotency.ts';
import { openApi } from './http/open-api.ts';
import { LOG, type Log } from './http/problems.ts';
import { assertPrivate, cannotListen, ownHosts, placeFor, urlHost } from './listening.ts';
import { Quotas } from './quotas.ts';
import { SCHEDULING, type Scheduling } from './scheduling.ts';
import type { Late } from './team/last-scan.ts';
import { mountBoard } from './team/board.ts';
import { leaderElection } from './team/leader-election.ts';
import { ScanScheduler, scanSchedulerModules, TEAM } from './team/scan-scheduler.ts';
import { type Role, teamRedisOf } from './team/role.ts';
import { joinTeam } from './team/team.ts';
import { tenancy } from './tenants.ts';
import { ownCertificate } from './tls.ts';

export interface ServeOptions {
  /** An application gives `process.env`, `process.cwd()` and the home of its user. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  /** The configuration; the first of `./acmex.toml` and so on by default, none with `false`. */
  readonly configFile?: string | false | undefined;
  /** What this process is in a team: whether it serves the API, works, or both, which is the default. */
  readonly role?: Role | undefined;
  /** What flags say. */
  readonly overrides?: readonly Override[] | undefined;
  /** Where files are kept when nobody says where. */
  readonly dataDirectory: string;
  readonly version: string;
  readonly log: Log;
  /** Called with each configuration that takes effect: at the start, and after a reload. */
  readonly onConfiguration?: ((config: Config) => void) | undefined;
  /** Is told of the first API key of a server that had none: it lies in this file until it is used. */
  readonly onInitialKey?: ((file: string, key: string) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`; empty for a worker that answers nothing. */
  readonly url: string;
  /** Reads the configuration anew; where that is faulty, the one before holds, and the fault is thrown. */
  reload(): Promise<void>;
  /**
   * Answers nothing more, waits for what is at work, and parks that after a while: it goes on at the next start.
   * @returns the ids of what was parked
   */
  stop(options: { readonly within: DurationInput }): Promise<readonly string[]>;
}

/** How long events are kept. */
const eventsKept = { hours: 90 * 24 };

/**
 * Starts the server: the REST API, and what keeps certificates current.
 * @throws ServerError `ERR_SERVER_EXPOSED`, `ERR_SERVER_API_KEY`, `ERR_SERVER_LISTEN`, `ERR_SERVER_TLS`, `ERR_SERVER_ROLE`, `ERR_SERVER_CLEAR_KEYS`; ConfigError; what the storage throws
 */
export async function serve({
  environment,
  cwd,
  home,
  configFile,
  role = 'all',
  overrides = [],
  dataDirectory,
  version,
  log,
  onConfiguration,
  onInitialKey,
  clock = systemClock,
}: ServeOptions): Promise<RunningServer> {
  const read = async () =>
    await readConfig({ cwd, home, file: configFile, environment, overrides, clock });
  const config = await read();
  onConfiguration?.(config);
  const place = placeFor(role, config);
  if (place) assertPrivate(config, place);
  const redis = teamRedisOf(config, role);
  let access = await configured(config, clock);
  const storage = await openStorage(storageOf(config), {
    directory: dataDirectory,
    onNotice: (msg) => log({ level: 'warn', msg }),
  });
  const closing: (() => Promise<unknown>)[] = [async () => await storage[Symbol.asyncDispose]()];
  const stopping = new AbortController();
  const close = async () => {
    stopping.abort(new ServerError('ERR_SERVER_UNAVAILABLE', 'the server is stopping'));
    for (const one of closing.splice(0).reverse()) await one();
  };
  try {
    const team =
      redis &&
      (await joinTeam({
        redis,
        clock,
        onError: (what, error) => {
          if (!stopping.signal.aborted) tell(log, what, error);
        },
        onChange: (here) =>
          log(
            here
              ? { level: 'info', msg: 'Redis is back' }
              : {
                  level: 'warn',
                  msg: 'Redis is away: it is looked for until it is back',
                  code: 'ERR_SERVER_UNAVAILABLE',
                },
          ),
      }));
    if (team) closing.push(async () => await team[Symbol.asyncDispose]());
    const onError = (id: string, error: unknown) =>
      tell(log, `${id} is a duplicate, and could not be joined`, error);
    const opened = async (from: Config) => {
      const next = tenancy(from, storage, (own) =>
        fromConfig(from, {
          storage: own,
          environment,
          clock,
          userAgent: 'acmex-server',
          fetch: (ca) => nodeFetch({ ca }),
          onWarning: (msg) => log({ level: 'warn', msg }),
        }),
      );
      for (const one of next.managers.values()) await one.hooks.check();
      const root = next.managers.get('');
      if (root)
        for (const { id, change } of await reconcileDeclared(root, {
          signal: stopping.signal,
          onError,
        }))
          log({ level: 'info', msg: `${id} is ${change} as the configuration says` });
      for (const { provisioner, maintenance } of next.managers.values()) {
        await provisioner.joinDuplicates({ signal: stopping.signal, onError });
        await maintenance.replan({ signal: stopping.signal });
      }
      return next;
    };
    let live = await opened(config);
    const tenants = () => live.tenants;
    const queue =
      team?.queue ??
      inProcessQueue({
        clock,
        onError: (id, error) => {
          if (!stopping.signal.aborted) tell(log, `${id} failed`, error);
        },
      });
    let late: Late | undefined;
    const certificateCounts = new CertificateCounts(tenants, clock);
    const scheduling: Scheduling = {
      wake: () => (team ? team.notifier.notifyDue() : working?.wake()),
      counts: async () => await queue.counts(),
      late: () => late ?? team?.lastScan()?.late,
      ...(team ? { team } : {}),
    };
    const metrics = new Metrics({
      prefix: config.values.metrics.prefix,
      tenants,
      certificateCounts,
      scheduling,
      clock,
    });
    const { concurrency, per_issuer: perIssuer, check_interval: seconds } = config.values.renewal;
    const working =
      role === 'api'
        ? undefined
        : worker({
            managers: () => live.managers,
            queue,
            concurrency,
            perIssuer,
            interval: { seconds },
            clock,
            ...(team
              ? {
                  runAsLeader: (begin) =>
                    leaderElection(
                      {
                        storage,
                        name: 'dispatcher',
                        clock,
                        onError: (error) =>
                          tell(log, 'who looks for what is due cannot be found out', error),
                      },
                      begin,
                    ),
                  breath: { milliseconds: 50 },
                  onScan: () => team.recordScan(late),
                }
              : {}),
            onMaintained: (id, maintained) => {
              metrics.countOrder(maintained);
              const { outcome, deployed, deployError } = maintained;
              const traceId = outcome?.traceparent?.split('-')[1];
              const about = { task: id, ...(traceId === undefined ? {} : { traceId }) };
              if (outcome?.state === 'failed')
                tell(
                  log,
                  `${id} failed, again at ${outcome.retryAt ?? 'no time'}`,
                  outcome.error,
                  about,
                );
              else if (outcome && !outcome.elsewhere)
                log({ level: 'info', msg: `${id} ${outcome.state}`, ...about });
              if (deployed === 'failed')
                tell(log, `${id} is issued and not deployed`, deployError, about);
            },
            onDeployed: (id, { deployed, deployError }) => {
              if (deployed === 'failed') tell(log, `${id} is issued and not deployed`, deployError);
            },
            onError: (what, error) => tell(log, what, error),
            onLate: (one) => {
              late = one && { id: one.id, dueAt: one.dueAt.toString() };
              log(
                one
                  ? {
                      level: 'warn',
                      msg: `${one.id} is due since ${one.dueAt}, and nothing is done for it`,
                      task: one.id,
                    }
                  : { level: 'info', msg: 'nothing is late anymore' },
              );
            },
          });
    if (working) {
      team?.notifier.on({ due: () => working.wake(), ended: (task) => working.wake(task) });
      closing.push(async () => await working[Symbol.asyncDispose]());
    }
    const keysOf = (tenant: { readonly storage: Storage; readonly name: string }) =>
      new KeyStore({ storage: tenant.storage, tenant: tenant.name, clock });
    const keyFile = keyFileOf(config, dataDirectory);
    const [firstTenant] = tenants().values();
    if (firstTenant && access.digests.length === 0 && role !== 'worker') {
      await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
      const key = await initialKey(keysOf(firstTenant), keyFile);
      if (key !== undefined) onInitialKey?.(keyFile, key);
    }
    const authenticator = new Authenticator({
      tenants,
      keysOf,
      configured: () => access.digests,
      tokens: () => access.tokens?.(tenants),
      onFirstUse: async () => await forgetInitialKey(keyFile),
    });
    const idempotency = new Idempotency(clock);
    const certificate =
      role === 'worker'
        ? undefined
        : await ownCertificate({
            manager: () => live.managers.get('') ?? raise(),
            wake: () => scheduling.wake(),
            log,
            signal: stopping.signal,
            clock,
          });
    const app = await application({
      controllers: role === 'worker' ? workerControllers : controllers,
      imports: team && role !== 'api' ? scanSchedulerModules(team) : [],
      isReachable:
        team && storageOf(config).place.kind === 'redis' ? () => team.isConnected() : () => true,
      tls: certificate?.first,
      trustedProxies: config.values.server.trusted_proxies,
      isOwnHost: ownHosts(() => live.managers.get('')?.config ?? config),
      metrics,
      providers: [
        { provide: Authenticator, useValue: authenticator },
        { provide: Idempotency, useValue: idempotency },
        { provide: Quotas, useValue: new Quotas(certificateCounts) },
        { provide: LongPoll, useValue: new LongPoll({ clock }) },
        { provide: Metrics, useValue: metrics },
        {
          provide: WebhookSenders,
          useValue: new WebhookSenders({
            senders: () => live.managers.get('')?.config.values.server.webhooks ?? [],
            tenants,
            clock,
          }),
        },
        { provide: SCHEDULING, useValue: scheduling },
        { provide: STOPPING, useValue: stopping.signal },
        { provide: STORAGE, useValue: storage },
        { provide: LOG, useValue: log },
        { provide: FETCH, useValue: (ca: string | undefined) => nodeFetch({ ca }) },
        { provide: OPEN_API, useValue: openApi(endpointsOf(controllers), version) },
        ...(team && role !== 'api' ? [{ provide: TEAM, useValue: team }, ScanScheduler] : []),
      ],
    });
    closing.push(async () => await app.close());
    if (team && role !== 'worker' && config.values.server.board)
      await mountBoard({
        fastify: app.getHttpAdapter().getInstance() as unknown as FastifyInstance,
        authenticator,
        queues: () => team.queue.queues(),
      });
    if (place)
      await app.listen(place.port, place.host ?? '::').catch((cause: unknown) => {
        throw cannotListen(place.text, cause);
      });
    else await app.init();
    certificate?.follow(app.getHttpServer() as Server);
    if (role !== 'worker') {
      const answers = await challengeAnswers({ config, managers: () => live.managers, log, clock });
      closing.push(async () => await answers[Symbol.asyncDispose]());
    }
    if (role !== 'api')
      housekeeping(
        async () => {
          for (const one of tenants().values()) {
            await idempotency.prune(one.storage);
            await outbox(one.storage, { clock }).prune(eventsKept);
          }
        },
        { clock, signal: stopping.signal, log },
      );
    return {
      url: place
        ? `${certificate ? 'https' : 'http'}://${urlHost(place.host)}:${(app.getHttpServer().address() as { readonly port: number }).port}`
        : '',
      async reload() {
        const next = await read();
        if (
          JSON.stringify(storageOf(next)) !== JSON.stringify(storageOf(config)) ||
          JSON.stringify(redisOf(next)) !== JSON.stringify(redisOf(config)) ||
          placeFor(role, next)?.text !== place?.text
        )
          throw new ServerError(
            'ERR_SERVER_LISTEN',
            'the storage, Redis or the address is another: that takes a restart',
          );
        const [nextAccess, nextLive] = [await configured(next, clock), await opened(next)];
        [access, live] = [nextAccess, nextLive];
        onConfiguration?.(next);
        await certificate?.refresh();
        scheduling.wake();
      },
      async stop({ within }) {
        stopping.abort(new ServerError('ERR_SERVER_UNAVAILABLE', 'the server is stopping'));
        const parked = working?.stop({ within }) ?? Promise.resolve([]);
        await app.close();
        await parked;
        await close();
        return await parked;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Access {
  readonly digests: readonly string[];
  readonly tokens?:
    ((tenants: Parameters<typeof oidc>[0]['tenants']) => ReturnType<typeof oidc>) | undefined;
}

/** Who is let in by the configuration alone. @throws ServerError `ERR_SERVER_API_KEY` */
async function configured(
  {
    values: {
      server: { api_keys: keys, oidc: provider },
    },
  }: Config,
  clock: Clock,
): Promise<Access> {
  const texts = await Promise.all(keys.map(async (key) => (await key.reveal()).trim()));
  texts.forEach((text, index) => assertStrong(text, `server.api_keys[${index}] (ACMEX_API_KEYS)`));
  let reader: ReturnType<typeof oidc> | undefined;
  return {
    digests: texts.map(digestOf),
    ...(provider ? { tokens: (tenants) => (reader ??= oidc({ provider, tenants, clock })) } : {}),
  };
}

function keyFileOf(config: Config, dataDirectory: string): string {
  const { place } = storageOf(config);
  return join(place.kind === 'file' ? place.path : dataDirectory, '.acmex', 'initial-api-key');
}

/** Once an hour. */
function housekeeping(
  work: () => Promise<void>,
  {
    clock,
    signal,
    log,
  }: { readonly clock: Clock; readonly signal: AbortSignal; readonly log: Log },
): void {
  void (async () => {
    for (;;) {
      await clock.sleep({ hours: 1 }, { signal });
      await work().catch((error: unknown) => tell(log, 'what is old could not be removed', error));
    }
  })().catch(() => {
    /* the server was stopped */
  });
}

function tell(
  log: Log,
  what: string,
  error: unknown,
  about: Readonly<Record<string, string>> = {},
): void {
  const code = errorCode(error);
  log({
    level: 'warn',
    msg: `${what}: ${printable(errorText(error), 2000)}`,
    ...(code === undefined ? {} : { code }),
    ...about,
  });
}

function raise(): never {
  throw new ServerError('ERR_SERVER_TENANT', 'there is no tenant');
}
