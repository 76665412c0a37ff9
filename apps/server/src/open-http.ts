import type { Server } from 'node:https';
import type { Clock } from '@acmex/clock';
import { type Config, storageOf } from '@acmex/config';
import { formatHostPort } from '@acmex/identifier';
import { CertificateCensus } from '@acmex/observability';
import type { Tracing } from '@acmex/observability/tracing';
import type { Storage } from '@acmex/storage';
import type { Provider } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { Authenticator } from './access/authenticator.ts';
import type { OidcSignIn } from './access/oidc-sign-in.ts';
import { CaLibrary } from './authority/ca-library.ts';
import { closeExposed, trustedProxies } from './access/trusted-proxies.ts';
import { FETCH } from './accounts/accounts.ts';
import { LongPoll } from './certificates/long-poll.ts';
import { OrderFindings } from './orders/order-findings.ts';
import { StatusChecks } from './certificates/status-checks.ts';
import { CLOCK } from './clock.ts';
import { controllers, workerControllers } from './controllers.ts';
import { OPEN_API } from './docs/documentation.ts';
import { STORAGE } from './health/health.ts';
import { application } from './http/application.ts';
import { endpointsOf } from './http/endpoint.ts';
import { Idempotency } from './http/idempotency.ts';
import { openApi } from './http/open-api.ts';
import { IS_AUDITED, STOPPING, TRACING } from './http/request-pipeline.ts';
import { SERVER_PATHS, type ServerPaths } from './http/server-paths.ts';
import { cannotListen, hostCheck, type ListenAddress } from './listening.ts';
import type { LiveTenants } from './live-tenants.ts';
import { LOG, type Log, logError } from './log.ts';
import { ServerMetrics } from './metrics/metrics.ts';
import { Quotas } from './quotas.ts';
import { SCHEDULING } from './scheduling.ts';
import { mountBoard } from './team/board.ts';
import type { Role } from './team/role.ts';
import { type ServerCertificate, serverCertificate } from './tls.ts';
import { OIDC_SIGN_IN } from './sessions/oidc-sign-in.ts';
import { type Sender, WebhookSenders } from './webhooks/webhook-senders.ts';
import type { Work } from './work.ts';

export interface OpenHttpOptions {
  readonly config: Config;
  readonly tracing?: Tracing | undefined;
  readonly role: Role;
  /** Undefined for a worker that opens no port. */
  readonly address: ListenAddress | undefined;
  readonly version: string;
  readonly storage: Storage;
  readonly live: LiveTenants;
  readonly authenticator: Authenticator;
  /** Returns what signs people in at a provider. */
  readonly signIn: () => OidcSignIn | undefined;
  /** Returns who may send webhooks. */
  readonly senders: () => readonly Sender[];
  readonly idempotency: Idempotency;
  readonly census: CertificateCensus;
  readonly metrics: ServerMetrics;
  readonly work: Work;
  readonly log: Log;
  readonly clock: Clock;
  readonly paths: ServerPaths;
  readonly ca: CaLibrary;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

/** The server's HTTP, which listens. */
export interface Http extends AsyncDisposable {
  /** `http://127.0.0.1:8080`; empty where no port is open. */
  readonly url: string;
  /** Reads the server's own certificate again, and serves it where it has changed. */
  refreshCertificate(): Promise<void>;
}

/** @throws ServerError `ERR_SERVER_LISTEN`, `ERR_SERVER_TLS`, `ERR_SERVER_PACKAGE` */
export async function openHttp(options: OpenHttpOptions): Promise<Http> {
  const { role, address, live, work, log, signal, clock } = options;
  const certificate =
    role === 'worker'
      ? undefined
      : await serverCertificate({
          manager: () => live.rootManager(),
          wake: () => work.wake(),
          log,
          signal,
          clock,
        });
  const app = await createApplication(options, certificate);
  try {
    await listen(app, options);
  } catch (error) {
    await app.close();
    throw error;
  }
  certificate?.follow(app.getHttpServer() as Server);
  const scheme = certificate ? 'https' : 'http';
  return {
    url: address
      ? `${scheme}://${formatHostPort({ host: address.host ?? 'localhost', port: boundPort(app) })}`
      : '',
    refreshCertificate: async () => await certificate?.refresh(),
    async [Symbol.asyncDispose]() {
      await app.close();
    },
  };
}

async function createApplication(
  options: OpenHttpOptions,
  certificate: ServerCertificate | undefined,
): Promise<NestFastifyApplication> {
  const { config, role, live, metrics, work, log, clock } = options;
  const { team } = work;
  const scans =
    team && role !== 'api'
      ? (await import('./team/scan-scheduler.ts')).scanScheduling(team)
      : { imports: [], providers: [] };
  const currentConfig = () => live.rootManager().config;
  const proxies = trustedProxies(currentConfig);
  const storesInRedis = storageOf(config).place.kind === 'redis';
  const app = await application({
    controllers: role === 'worker' ? workerControllers : controllers,
    imports: scans.imports,
    isReachable: team && storesInRedis ? () => team.isConnected() : () => true,
    tls: certificate?.first,
    trustedProxies: proxies,
    isOwnHost: hostCheck(currentConfig),
    metrics,
    log,
    clock,
    hasDashboard: role !== 'worker' && config.values.server.dashboard,
    providers: [...providers(options), ...scans.providers],
  });
  if (!certificate) closeExposed(app.getHttpServer(), proxies);
  return app;
}

/** Returns what controllers are made with. */
function providers({
  version,
  storage,
  live,
  work,
  log,
  clock,
  signal,
  ...services
}: OpenHttpOptions): readonly Provider[] {
  const senders = new WebhookSenders({
    senders: services.senders,
    tenants: () => live.tenants(),
    clock,
  });
  return [
    { provide: Authenticator, useValue: services.authenticator },
    { provide: OIDC_SIGN_IN, useValue: services.signIn },
    { provide: Idempotency, useValue: services.idempotency },
    { provide: CertificateCensus, useValue: services.census },
    { provide: Quotas, useValue: new Quotas(services.census, clock) },
    { provide: LongPoll, useValue: new LongPoll({ clock }) },
    {
      provide: StatusChecks,
      useValue: new StatusChecks({
        ...{ clock, signal },
        onError: (error) => logError(log, 'a proof of revocation was not stored', error),
      }),
    },
    { provide: OrderFindings, useValue: new OrderFindings() },
    { provide: ServerMetrics, useValue: services.metrics },
    { provide: WebhookSenders, useValue: senders },
    { provide: SCHEDULING, useValue: work },
    { provide: STOPPING, useValue: signal },
    { provide: IS_AUDITED, useValue: services.config.values.audit.enabled },
    ...(services.tracing ? [{ provide: TRACING, useValue: services.tracing }] : []),
    { provide: CaLibrary, useValue: services.ca },
    { provide: CLOCK, useValue: clock },
    { provide: SERVER_PATHS, useValue: services.paths },
    { provide: STORAGE, useValue: storage },
    { provide: LOG, useValue: log },
    { provide: FETCH, useValue: (ca: string | undefined) => live.network().fetch(ca) },
    { provide: OPEN_API, useValue: openApi(endpointsOf(controllers), version) },
  ];
}

async function listen(app: NestFastifyApplication, options: OpenHttpOptions): Promise<void> {
  const { config, role, address, work } = options;
  const { team } = work;
  if (team && role !== 'worker' && config.values.server.board)
    await mountBoard({
      ...options,
      fastify: app.getHttpAdapter().getInstance() as unknown as FastifyInstance,
      queues: () => team.queue.queues(),
    });
  if (address)
    await app.listen(address.port, address.host ?? '::').catch((cause: unknown) => {
      throw cannotListen(address.text, cause);
    });
  else await app.init();
}

function boundPort(app: NestFastifyApplication): number {
  return (app.getHttpServer().address() as { readonly port: number }).port;
}
