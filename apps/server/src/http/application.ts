import type { SecureContextOptions } from 'node:tls';
import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ServerError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { AuthGuard } from './auth-guard.ts';
import { type Controller, type Handler, routesOf } from './endpoint.ts';
import { problemOf } from './problem.ts';
import { Problems, send } from './problems.ts';
import { RequestPipeline } from './request-pipeline.ts';

export interface ApplicationOptions {
  /** What answers. */
  readonly controllers: readonly Controller[];
  readonly imports: readonly DynamicModule[];
  /** Whether what every route but those of health needs can be reached. */
  readonly isReachable: () => boolean;
  /** What controllers ask for. */
  readonly providers: readonly Provider[];
  /** PEM. */
  readonly tls?: SecureContextOptions | undefined;
  /** Whose word on a caller's address is taken. */
  readonly trustedProxies: readonly string[];
  /** Whether the server is asked for under a name: HOST or HOST:PORT, lower case. */
  readonly isOwnHost: (host: string) => boolean;
  readonly metrics: Metrics;
}

/** What a caller may cost before anything is known of them. Bytes and milliseconds. */
const limits = {
  bodyLimit: 65_536,
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 72_000,
  maxParamLength: 300,
} as const;

/** What Nest hangs controllers and providers on. */
const ServerModule = Object.freeze(
  class {
    readonly name = 'server';
  },
);

/** The server's HTTP, without listening: every route behind the gatekeeper, every fault as a problem document. */
export async function application({
  controllers,
  imports,
  isReachable,
  providers,
  tls,
  trustedProxies,
  isOwnHost,
  metrics,
}: ApplicationOptions): Promise<NestFastifyApplication> {
  const {
    maxHeaderSize,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout,
    bodyLimit,
    maxParamLength,
  } = limits;
  const own = {
    maxHeaderSize,
    headersTimeout,
    requestTimeout,
    keepAliveTimeout,
    insecureHTTPParser: false,
  };
  const adapter = new FastifyAdapter({
    ...(tls ? { https: { ...own, ...tls, minVersion: 'TLSv1.2' as const } } : { http: own }),
    bodyLimit,
    requestTimeout,
    keepAliveTimeout,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    routerOptions: { maxParamLength, caseSensitive: true },
    forceCloseConnections: true,
    frameworkErrors: (error: Error, _: unknown, reply: FastifyReply) =>
      send(
        problemOf(
          new ServerError('ERR_SERVER_UNAUTHENTICATED', 'this address is not well-formed', {
            cause: error,
          }),
        ),
        reply,
      ),
    exposeHeadRoutes: false,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  readsJson(fastify);
  const always = headersOf(tls !== undefined);
  fastify.addHook('onRequest', async (request, reply) => {
    reply.headers(always);
    if (!isOwnHost(String(request.headers.host ?? '').toLowerCase()))
      throw new ServerError('ERR_SERVER_HOST', 'this server does not answer under this name');
    if (!isReachable() && !/^\/health(\/|\?|$)/.test(request.url))
      throw new ServerError(
        'ERR_SERVER_UNAVAILABLE',
        'Redis cannot be reached: try again in a few seconds',
        { retryAfter: 5 },
      );
    if (twice(request.raw.rawHeaders))
      throw new ServerError('ERR_SERVER_REQUEST', 'a header that counts once was sent twice');
  });
  fastify.addHook(
    'onResponse',
    async ({ method, routeOptions: { url: route = '' } }, { statusCode: status, elapsedTime }) =>
      metrics.answered({ method, route, status, seconds: elapsedTime / 1000 }),
  );
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
  mountRoutes(fastify, controllers, app);
  return app;
}

/**
 * Registers each route with Fastify: from there one call leads through the pipeline to the handler. Nest makes the controllers and
 * does not route to them: its interceptors would double the cost of a request, and a route exists only by its description.
 */
function mountRoutes(
  fastify: FastifyInstance,
  controllers: readonly Controller[],
  app: NestFastifyApplication,
): void {
  const pipeline = app.get(RequestPipeline);
  for (const { endpoint, controller, handle } of routesOf(controllers)) {
    const instance = app.get<object>(controller);
    const handler: Handler = async (received) => await handle.call(instance, received);
    fastify.route({
      method: endpoint.method,
      url: endpoint.path,
      handler: async (request, reply) => await pipeline.run(endpoint, handler, request, reply),
    });
  }
}

/** Keeps the bytes too: signatures and digests are over those. */
function readsJson(fastify: FastifyInstance): void {
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
      done(new ServerError('ERR_SERVER_JSON', 'the body is no JSON', { cause }));
    }
  });
}

function refuse(): never {
  throw new TypeError('no such field');
}

/** What Helmet would write, for every answer the same, without what only browsers of long ago knew. */
function headersOf(strictTransportSecurity: boolean): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
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
      /* there is none yet */
    },
  };
  // It looks at neither, beyond these two.
  helmet({
    contentSecurityPolicy,
    strictTransportSecurity,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    xDnsPrefetchControl: false,
    originAgentCluster: false,
  })({} as IncomingMessage, response as ServerResponse, () => {
    /* there is nothing behind it */
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

/** Of two, one that looked at the first and one that looked at the second would disagree. */
function twice(raw: readonly string[]): boolean {
  const found = raw.flatMap((text, at) =>
    at % 2 === 0 && single.has(text.toLowerCase()) ? [text.toLowerCase()] : [],
  );
  return new Set(found).size < found.length;
}
