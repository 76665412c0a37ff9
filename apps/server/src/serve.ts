import 'reflect-metadata';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import {
  type Config,
  exposedCredentials,
  faultText,
  openStorage,
  type Override,
  readConfig,
  redisOf,
  storageOf,
} from '@acmex/config';
import {
  CertificateCensus,
  type CertificateSource,
  managerMetrics,
  type ManagerWatch,
  Metrics,
  type TaskLog,
  taskLog,
} from '@acmex/observability';
import { configuredAudit } from '@acmex/manager/from-config';
import { currentAuditOrigin } from '@acmex/observability/audit';
import type { Tracing } from '@acmex/observability/tracing';
import { tracedEvents, traceIdOf } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import type { Authenticator } from './access/authenticator.ts';
import { LiveAccess } from './access/live-access.ts';
import { CaLibrary } from './authority/ca-library.ts';
import { challengeAnswers } from './challenge-answers.ts';
import { ServerError } from './errors.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Idempotency } from './http/idempotency.ts';
import { serverPaths } from './http/server-paths.ts';
import { assertPrivate, listenAddress } from './listening.ts';
import { LiveTenants, type ManagerWatching } from './live-tenants.ts';
import { type Log, logError } from './log.ts';
import { metricsListener, ServerMetrics } from './metrics/metrics.ts';
import { type Http, openHttp } from './open-http.ts';
import { Resources } from './resources.ts';
import { type Role, teamRedisOf } from './team/role.ts';
import type { Tenant } from './tenants.ts';
import { Work } from './work.ts';

export interface ServeOptions {
  /** An application passes `process.env`, `process.cwd()` and the home of its user. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  /**
   * The configuration; by default the first that exists of `./acmex.toml` and so on; none with
   * `false`.
   */
  readonly configFile?: string | false | undefined;
  /**
   * What this process does in a team: serve the API, work on certificates, or both, which is the
   * default.
   */
  readonly role?: Role | undefined;
  /** Settings of the command line, which override the configuration. */
  readonly overrides?: readonly Override[] | undefined;
  /** Where files are stored unless the configuration names a place. */
  readonly dataDirectory: string;
  readonly version: string;
  readonly log: Log;
  /** Called with each configuration that takes effect: at the start, and after a reload. */
  readonly onConfiguration?: ((config: Config) => void) | undefined;
  /**
   * Called with the first API key of a server that had none, and its file, which exists until the
   * key is used.
   */
  readonly onInitialKey?: ((file: string, key: string) => void) | undefined;
  /**
   * How long a process may be silent before another process that shares the storage takes over its
   * tasks, orders and scans; 10 seconds by default. The same for all of these processes, and longer
   * than a busy process or a slow storage is ever silent: everything that a process does after that
   * is refused, and done again by another.
   */
  readonly lease?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
  /** Records requests and work as spans; nothing is recorded by default. */
  readonly tracing?: Tracing | undefined;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`; empty for a worker that opens no port. */
  readonly url: string;
  /**
   * Reads the configuration again. Where it is faulty, the old one stays in effect, and the error
   * is thrown.
   */
  reload(): Promise<void>;
  /**
   * Closes the API, waits for the tasks that run, and interrupts them after `within`: they continue
   * at the next start.
   * @returns the ids of the tasks that were interrupted
   */
  stop(options: { readonly within: DurationInput }): Promise<readonly string[]>;
}

/** What each step of the start needs. */
interface ServerProcess extends Required<
  Pick<ServeOptions, 'environment' | 'role' | 'dataDirectory' | 'version' | 'log' | 'clock'>
> {
  readonly config: Config;
  readonly lease?: DurationInput | undefined;
  readonly tracing?: Tracing | undefined;
  readonly logged: TaskLog;
  readonly resources: Resources;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

/** What runs, as far as a reload and the end concern it. */
interface Parts {
  readonly live: LiveTenants;
  readonly access: LiveAccess;
  readonly work: Work;
  readonly http: Http;
}

/**
 * Starts the server: the REST API, and the renewal of certificates.
 * @throws ServerError `ERR_SERVER_EXPOSED`, `ERR_SERVER_API_KEY`, `ERR_SERVER_LISTEN`,
 * `ERR_SERVER_TLS`, `ERR_SERVER_ROLE`, `ERR_SERVER_CLEAR_KEYS`
 * @throws ConfigError, and what the storage throws
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { configFile: file, overrides = [], role = 'all', clock = systemClock } = options;
  const { cwd, home, environment, onConfiguration, onInitialKey } = options;
  const read = async () => await readConfig({ cwd, home, file, environment, overrides, clock });
  const config = await read();
  onConfiguration?.(config);
  const resources = new Resources();
  const stopping = new AbortController();
  const stop = () =>
    stopping.abort(new ServerError('ERR_SERVER_UNAVAILABLE', 'the server is stopping'));
  try {
    const { signal } = stopping;
    const logged = taskLog(options.log);
    const server = { ...options, log: logged.log, logged, config, role, clock, resources, signal };
    const { live, access, work, http } = await start(server, onInitialKey);
    return {
      url: http.url,
      async reload() {
        const next = await read();
        assertSamePlaces(config, next, role);
        const effects = [await access.prepare(next), await live.prepare(next)];
        for (const takeEffect of effects) takeEffect();
        onConfiguration?.(next);
        await http.refreshCertificate();
        work.wake();
      },
      async stop({ within }) {
        stop();
        const [interrupted] = await Promise.all([
          work.stop({ within }),
          http[Symbol.asyncDispose](),
        ]);
        await resources[Symbol.asyncDispose]();
        return interrupted;
      },
    };
  } catch (error) {
    stop();
    await resources[Symbol.asyncDispose]();
    throw error;
  }
}

/** Opens the team, the tenants with their managers, and HTTP, and starts the work. */
async function start(
  server: ServerProcess,
  onInitialKey: ServeOptions['onInitialKey'],
): Promise<Parts> {
  const { config, role, log, lease, clock, signal, resources } = server;
  const address = listenAddress(role, config);
  if (address) assertPrivate(config, address);
  const redis = teamRedisOf(config, role);
  for (const fault of await exposedCredentials(config))
    log({ level: 'warn', msg: faultText(fault) });
  const processMetrics = new Metrics({ prefix: config.values.metrics.prefix });
  const { watchStorage, ...watch } = watching(managerMetrics(processMetrics, { clock }), server);
  const ca = new CaLibrary();
  const storage = resources.use(await openAudited(server, { watched: watchStorage, ca }));
  // What only a team needs is loaded for a team alone: BullMQ takes a tenth of the start.
  const team =
    redis &&
    resources.use(
      await (await import('./team/open-team.ts')).openTeam(redis, { log, lease, clock, signal }),
    );
  const live = resources.use(await LiveTenants.open(config, { ...server, storage, watch }));
  const tenants = () => live.tenants();
  const access = await LiveAccess.open(config, { ...server, tenants });
  const work = resources.use(new Work({ team, storage, log, clock, signal }));
  const census = new CertificateCensus((name) => sourceOf(tenants().get(name)), clock);
  const metrics = new ServerMetrics({
    ...{ metrics: processMetrics, config, storage, tenants, census, clock },
    scheduling: work,
  });
  const paths = serverPaths(foldersOf(config, server.dataDirectory));
  const idempotency = new Idempotency(clock, paths);
  const { authenticator } = access;
  const senders = () => access.senders();
  const signIn = () => access.signIn();
  const services = { authenticator, signIn, senders, idempotency, census, metrics, paths, ca };
  if (role !== 'api') startWork(work, { server, live, metrics, idempotency, authenticator });
  if (role !== 'worker') {
    const initial = await access.makeInitialKey();
    if (initial?.state === 'created') onInitialKey?.(initial.file, initial.text);
    if (initial?.state === 'created-elsewhere')
      log({
        level: 'info',
        msg: `another process has just made the first API key, ${initial.id}: it says in which file`,
      });
  }
  const http = resources.use(
    await openHttp({ ...server, ...services, address, storage, live, work }),
  );
  if (config.values.metrics.enabled) resources.use(await metricsListener(metrics, config, log));
  if (role !== 'worker')
    resources.use(await challengeAnswers({ config, managers: () => live.managers(), log, clock }));
  return { live, access, work, http };
}

/** Joins what counts with what logs, and with what traces, where traces are recorded. */
function watching(
  metrics: ManagerWatch,
  { tracing, logged }: Pick<ServerProcess, 'tracing' | 'logged'>,
): ManagerWatching & Pick<ManagerWatch, 'watchStorage'> {
  if (!tracing) return logged.watching(metrics);
  return {
    ...logged.watching(tracing.watching(metrics)),
    watchStorage: (storage) => tracing.watchStorage(metrics.watchStorage(storage)),
  };
}

/** Returns the trace of the task or the request that is handled at present. */
function currentTraceId(tracing: Tracing | undefined): string | undefined {
  return traceIdOf(tracing?.managerOptions.currentTrace()) ?? currentAuditOrigin().traceId;
}

function sourceOf(tenant: Tenant | undefined): CertificateSource | undefined {
  return (
    tenant && { storage: tenant.storage, certificates: tenant.manager.provisioner.certificates }
  );
}

/** Returns the folders of the configuration and of the data. A reload does not change them. */
function foldersOf(config: Config, dataDirectory: string): readonly string[] {
  const { place } = storageOf(config);
  const folders = [dataDirectory];
  if (place.kind === 'file') folders.push(place.path);
  if (config.file !== undefined) folders.push(dirname(config.file));
  return folders.map((folder) => resolve(folder));
}

/**
 * Opens the storage, with an audit log of what is changed if one is configured. Events have the trace
 * of what writes them.
 */
async function openAudited(
  { config, dataDirectory, environment, log, clock, tracing }: ServerProcess,
  { watched, ca }: { readonly watched: (storage: Storage) => Storage; readonly ca: CaLibrary },
): Promise<Storage> {
  const storage = watched(
    await openStorage(storageOf(config), {
      directory: dataDirectory,
      onNotice: (msg) => log({ level: 'warn', package: '@acmex/storage', msg }),
    }),
  );
  const audited = configuredAudit(config, storage, {
    origin: { program: 'acmex serve', host: hostname() },
    actionsIn: (changes) => ca.actionsIn(changes),
    onError: (error) =>
      logError(log, 'a checkpoint of the audit log failed', error, {
        package: '@acmex/observability',
      }),
    environment,
    clock,
  });
  return tracedEvents(audited, () => currentTraceId(tracing));
}

function startWork(
  work: Work,
  {
    server,
    live,
    metrics,
    ...services
  }: {
    readonly server: ServerProcess;
    readonly live: LiveTenants;
    readonly metrics: ServerMetrics;
    readonly idempotency: Idempotency;
    readonly authenticator: Authenticator;
  },
): void {
  work.start({
    managers: () => live.managers(),
    config: server.config,
    onMaintained: (result) => metrics.countOrder(result),
    onWatched: async (watched, options) =>
      await live.rootManager().heartbeat?.afterScan(watched, options),
  });
  startHousekeeping({ ...server, ...services, tenants: () => live.tenants() });
}

/** @throws ServerError `ERR_SERVER_LISTEN` for a configuration that takes a restart */
function assertSamePlaces(config: Config, next: Config, role: Role): void {
  const placesOf = (from: Config) => ({
    'the storage': storageOf(from),
    Redis: redisOf(from),
    'the address to listen on': listenAddress(role, from)?.text,
    '[metrics]': from.values.metrics,
    '[audit]': from.values.audit,
  });
  const nextPlaces = Object.values(placesOf(next)).map((place) => JSON.stringify(place));
  const changed = Object.entries(placesOf(config)).flatMap(([name, place], index) =>
    JSON.stringify(place) === nextPlaces[index] ? [] : [name],
  );
  if (changed.length > 0)
    throw new ServerError(
      'ERR_SERVER_LISTEN',
      `${changed.join(' and ')} changed in acmex.toml: restart the server to use it`,
    );
}
