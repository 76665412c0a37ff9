import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import helmet from 'helmet';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TrustedProxies } from '../access/trusted-proxies.ts';
import { mountDashboard } from '../dashboard/mount.ts';
import { ServerError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ServerMetrics } from '../metrics/metrics.ts';
import { AuthGuard } from './auth-guard.ts';
import { type Controller, type Handler, type Received, routesOf } from './endpoint.ts';
import { problemOf, subjectOf } from './problem.ts';
import { Problems, send } from './problems.ts';
import { RequestPipeline } from './request-pipeline.ts';
import { RunningRequests } from './running-requests.ts';

export interface ApplicationOptions {
  readonly controllers: readonly Controller[];
  readonly imports: readonly DynamicModule[];
  /** Returns whether the storage can be reached, which every route but those of health needs. */
  readonly isReachable: () => boolean;
  /** What controllers are made with. */
  readonly providers: readonly Provider[];
  /** PEM. */
  readonly tls?: SecureContextOptions | undefined;
  /** The proxies whose headers name the caller's address. */
  readonly trustedProxies: TrustedProxies;
  /** Returns whether HOST or HOST:PORT, in lower case, is a name of this server. */
  readonly isOwnHost: (host: string) => boolean;
  readonly metrics: ServerMetrics;
  readonly log: Log;
  readonly clock: Clock;
  /** Whether the page for people is served; not by default: a worker has none. */
  readonly hasDashboard?: boolean;
}

/**
 * How long an end of the server waits for requests that are being handled. Those that wait for
 * something end by themselves.
 */
const drainTime = { seconds: 10 };

/** What a caller may cost before they are authenticated. Bytes and milliseconds. */
const limits = {
  bodyLimit: 65_536,
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 72_000,
  handshakeTimeout: 10_000,
  // Node.js looks for requests that are over their time only twice a minute by default.
  connectionsCheckingInterval: 1000,
  maxParamLength: 300,
} as const;
/** Milliseconds without a byte: more than the longest wait of an answer, and than a heartbeat. */
const idleTimeout = 120_000;
const maxConnections = 10_000;

/** The module of Nest, which has no content of its own. */
const ServerModule = Object.freeze(
  class {
    readonly name = 'server';
  },
);

/**
 * Creates the server's HTTP, without listening: each route by the pipeline, each error as a problem
 * document.
 */
export async function application(options: ApplicationOptions): Promise<NestFastifyApplication> {
  const { controllers, imports, providers } = options;
  const adapter = fastifyAdapter(options);
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  fastify.server.timeout = idleTimeout;
  fastify.server.maxConnections = maxConnections;
  addJsonParser(fastify);
  const headers = securityHeaders(options.tls !== undefined);
  addHooks(fastify, headers, options);
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: ServerModule,
      imports: [...imports],
      providers: [
        ...(controllers as Type[]),
        ...providers,
        AuthGuard,
        RequestPipeline,
        { provide: APP_FILTER, useClass: Problems },
      ],
    },
    adapter,
    { logger: false, bodyParser: false, abortOnError: false },
  );
  const requests = new RunningRequests(options.clock);
  // Runs when no new request is taken any more, and before connections are closed.
  fastify.addHook('preClose', async () => await requests.settled(drainTime));
  await mountRoutes(fastify, controllers, { app, requests, headers });
  if (options.hasDashboard) await mountDashboard(fastify, { log: options.log });
  return app;
}

function fastifyAdapter({
  tls,
  trustedProxies,
  clock,
}: Pick<ApplicationOptions, 'tls' | 'trustedProxies' | 'clock'>): FastifyAdapter {
  const { bodyLimit, maxParamLength, ...httpLimits } = limits;
  const { requestTimeout, keepAliveTimeout } = httpLimits;
  const http = { ...httpLimits, insecureHTTPParser: false };
  return new FastifyAdapter({
    ...(tls ? { https: { ...http, ...tls, minVersion: 'TLSv1.2' as const } } : { http }),
    bodyLimit,
    requestTimeout,
    keepAliveTimeout,
    trustProxy: (address) => trustedProxies.isTrusted(address),
    routerOptions: { maxParamLength, caseSensitive: true },
    forceCloseConnections: true,
    frameworkErrors(cause: Error, _: unknown, reply: FastifyReply) {
      const message =
        'the path of the request is not well-formed: encode its characters as RFC 3986 §2.1 says, and send an API key';
      const error = new ServerError('ERR_SERVER_UNAUTHENTICATED', message, { cause });
      send(problemOf(error, { clock }), reply);
    },
    exposeHeadRoutes: false,
  });
}

/** Refuses what no route must see, and counts each answer. */
function addHooks(
  fastify: FastifyInstance,
  headers: Readonly<Record<string, string>>,
  { isOwnHost, isReachable, metrics, trustedProxies, log }: ApplicationOptions,
): void {
  const noticeForwarding = forwardingNotice(trustedProxies, log);
  // Promises would cost more than what these hooks do.
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers);
    noticeForwarding(request);
    try {
      assertAnswerable(request, { isOwnHost, isReachable });
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  fastify.addHook(
    'onResponse',
    (
      { method, routeOptions: { url: route = '' } },
      { statusCode: status, elapsedTime },
      done: () => void,
    ) => {
      metrics.countRequest({ method, route, status, seconds: elapsedTime / 1000 });
      done();
    },
  );
}

/** @throws ServerError `ERR_SERVER_HOST`, `ERR_SERVER_UNAVAILABLE`, `ERR_SERVER_REQUEST` */
function assertAnswerable(
  request: FastifyRequest,
  { isOwnHost, isReachable }: Pick<ApplicationOptions, 'isOwnHost' | 'isReachable'>,
): void {
  const host = String(request.headers.host ?? '').toLowerCase();
  if (!isOwnHost(host))
    throw new ServerError(
      'ERR_SERVER_HOST',
      `the server does not answer under the name "${printable(host, 260)}": use one of server.hosts in acmex.toml, or add it there`,
    );
  if (!isReachable() && !/^\/health(\/|\?|$)/.test(request.url))
    throw new ServerError(
      'ERR_SERVER_UNAVAILABLE',
      'Redis cannot be reached: try again in a few seconds',
      { retryAfter: 5 },
    );
  assertSingleHeaders(request.raw);
}

/** Returns a check that logs once that a proxy is not trusted, whose callers then look like one. */
function forwardingNotice(
  trustedProxies: TrustedProxies,
  log: Log,
): (request: FastifyRequest) => void {
  let hasLogged = false;
  return ({ headers, socket: { remoteAddress = '' } }) => {
    if (hasLogged || headers['x-forwarded-for'] === undefined) return;
    if (trustedProxies.isTrusted(remoteAddress)) return;
    hasLogged = true;
    log({
      level: 'warn',
      msg: `X-Forwarded-For from ${remoteAddress} is ignored: add this address to server.trusted_proxies if it is your proxy, since all its callers count as one`,
    });
  };
}

/**
 * Registers each route with Fastify: from there one call leads through the pipeline to the handler.
 * Nest makes the controllers and does not route to them: its interceptors would double the cost of
 * a request, and a route exists only by its description.
 */
async function mountRoutes(
  fastify: FastifyInstance,
  controllers: readonly Controller[],
  { app, requests, headers }: Mounting,
): Promise<void> {
  const pipeline = app.get(RequestPipeline);
  for (const { endpoint, controller, handle } of routesOf(controllers)) {
    const { method, path, isConstant } = endpoint;
    const instance = app.get<object>(controller);
    const handler: Handler = async (received) => await handle.call(instance, received);
    const run = async (request: FastifyRequest, reply: FastifyReply) =>
      await requests.track(reply, pipeline.run(endpoint, handler, request, reply));
    const send = isConstant && !pipeline.isTraced && (await constantAnswer(handler, headers));
    fastify.route({
      method,
      url: path,
      // What a route does not take, as a query, is refused by the pipeline.
      handler: send
        ? (request, reply) => (request.url === path ? send(reply) : run(request, reply))
        : run,
    });
  }
}

interface Mounting {
  readonly app: NestFastifyApplication;
  readonly requests: RunningRequests;
  /** Those that every answer has. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Returns what sends the answer of a route that is the same for every request. Fastify would
 * serialize it again and copy the headers each time.
 */
async function constantAnswer(
  handler: Handler,
  headers: Readonly<Record<string, string>>,
): Promise<(reply: FastifyReply) => void> {
  const { status, body } = await handler({} as Received<never, never, never>);
  const text = JSON.stringify(body);
  const fields = Object.entries({
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
  }).flat();
  return (reply) => {
    reply.hijack();
    reply.raw.writeHead(status, fields).end(text);
  };
}

/** Parses JSON and stores the bytes with the request: signatures and digests cover those. */
function addJsonParser(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    Object.assign(request, { rawBody: bytes });
    if (bytes.length === 0) return done(null, undefined);
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      done(
        null,
        JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? refuse() : value)),
      );
    } catch (cause) {
      const message = `the body of ${subjectOf(request)} is not valid JSON: ${jsonFault(cause)}`;
      done(new ServerError('ERR_SERVER_JSON', message, { cause }));
    }
  });
}

/** Thrown for a name that would change what objects inherit. */
class ForbiddenNameError extends Error {}

function refuse(): never {
  throw new ForbiddenNameError();
}

/** Returns why JSON cannot be read, without a part of it: it may have a secret. */
function jsonFault(error: unknown): string {
  if (error instanceof ForbiddenNameError) return 'it has a member with the name __proto__';
  if (!(error instanceof SyntaxError)) return 'it is not UTF-8';
  const [, position] = / at position (\d+)/.exec(error.message) ?? [];
  if (position !== undefined) return `see the character at offset ${position}`;
  return /end of JSON/.test(error.message) ? 'it ends too early' : 'it has no JSON value';
}

/**
 * Returns the headers of Helmet, the same for every answer, without those for browsers of long ago.
 * No cache stores an answer unless its route says so.
 */
function securityHeaders(strictTransportSecurity: boolean): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  const contentSecurityPolicy = {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'unsafe-inline'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  };
  const response: Partial<ServerResponse> = {
    setHeader: (name, value) => {
      headers[name.toLowerCase()] = String(value);
      return response as ServerResponse;
    },
    removeHeader: () => {
      /* no header is set before */
    },
  };
  // Helmet reads neither the request nor more of the response.
  helmet({
    contentSecurityPolicy,
    strictTransportSecurity,
    xFrameOptions: { action: 'deny' },
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    xDnsPrefetchControl: false,
    originAgentCluster: false,
  })({} as IncomingMessage, response as ServerResponse, () => {
    /* no handler follows */
  });
  return headers;
}

const single: ReadonlySet<string> = new Set([
  'x-api-key',
  'authorization',
  'host',
  'idempotency-key',
  'last-event-id',
  'content-type',
  'content-length',
]);

/**
 * Refuses a header that was sent twice: a proxy that reads the first of two and a server that reads
 * the second would disagree.
 * @throws ServerError `ERR_SERVER_REQUEST`
 */
function assertSingleHeaders({ headers, rawHeaders }: IncomingMessage): void {
  // Most requests repeat none.
  if (Object.keys(headers).length * 2 === rawHeaders.length) return;
  const names = rawHeaders
    .filter((_, index) => index % 2 === 0)
    .map((name) => name.toLowerCase())
    .filter((name) => single.has(name));
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated === undefined) return;
  const detail = 'was sent twice: send it once';
  throw new ServerError('ERR_SERVER_REQUEST', `the header ${repeated} ${detail}`, {
    errors: [{ parameter: repeated, detail }],
  });
}
