import type { IncomingHttpHeaders } from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import helmet from '@fastify/helmet';
import type { Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { controllers } from '../controllers.ts';
import { ServerError } from '../errors.ts';
import type { Figures } from '../around/metrics.ts';
import { endpointsOf } from './endpoint.ts';
import { Exchange } from './exchange.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { problemOf } from './problem.ts';
import { Problems, send } from './problems.ts';

export interface ApplicationOptions {
  /** What controllers ask for. */
  readonly providers: readonly Provider[];
  /** PEM. */
  readonly tls?: SecureContextOptions | undefined;
  /** Whose word on a caller's address is taken. */
  readonly trustedProxies: readonly string[];
  /** Whether the server is asked for under a name: HOST or HOST:PORT, lower case. */
  readonly isOwnHost: (host: string) => boolean;
  readonly figures: Figures;
}

/** What a caller may cost before anything is known of them. Bytes and milliseconds. */
const limits = { bodyLimit: 65_536, maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 72_000, maxParamLength: 300 } as const;

/** The server's HTTP, without listening: every route behind the gatekeeper, every fault as a problem document. */
export async function application({ providers, tls, trustedProxies, isOwnHost, figures }: ApplicationOptions): Promise<NestFastifyApplication> {
  endpointsOf(controllers);
  const { maxHeaderSize, headersTimeout, requestTimeout, keepAliveTimeout, bodyLimit, maxParamLength } = limits;
  const own = { maxHeaderSize, headersTimeout, requestTimeout, keepAliveTimeout, insecureHTTPParser: false };
  const adapter = new FastifyAdapter({
    ...(tls ? { https: { ...own, ...tls, minVersion: 'TLSv1.2' as const } } : { http: own }),
    bodyLimit, requestTimeout, keepAliveTimeout, trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false, routerOptions: { maxParamLength, caseSensitive: true }, forceCloseConnections: true,
    frameworkErrors: (error: Error, _: unknown, reply: FastifyReply) => send(problemOf(new ServerError('ERR_SERVER_UNAUTHENTICATED', 'this address is not well-formed', { cause: error })), reply),
    exposeHeadRoutes: false,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  readsJson(fastify);
  fastify.addHook('onRequest', async (request) => {
    if (!isOwnHost(String(request.headers.host ?? '').toLowerCase())) throw new ServerError('ERR_SERVER_HOST', 'this server does not answer under this name');
    if (twice(request.raw.headersDistinct)) throw new ServerError('ERR_SERVER_REQUEST', 'a header that counts once was sent twice');
  });
  fastify.addHook('onResponse', async ({ method, routeOptions: { url: route = '' } }, { statusCode: status, elapsedTime }) => figures.answered({ method, route, status, seconds: elapsedTime / 1000 }));
  await fastify.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ['\'none\''], styleSrc: ['\'unsafe-inline\''], baseUri: ['\'none\''], formAction: ['\'none\''], frameAncestors: ['\'none\''] } }, strictTransportSecurity: tls !== undefined });
  class Server {}
  return await NestFactory.create<NestFastifyApplication>({
    module: Server, controllers: [...controllers],
    providers: [...providers, { provide: APP_GUARD, useClass: Gatekeeper }, { provide: APP_INTERCEPTOR, useClass: Exchange }, { provide: APP_FILTER, useClass: Problems }],
  }, adapter, { logger: false, bodyParser: false, abortOnError: false });
}

/** Keeps the bytes too: signatures and digests are over those. */
function readsJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    request.rawBody = bytes;
    if (bytes.length === 0) return done(null, undefined);
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      done(null, JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? refuse() : value)));
    } catch (cause) {
      done(new ServerError('ERR_SERVER_JSON', 'the body is no JSON', { cause }));
    }
  });
}

function refuse(): never {
  throw new TypeError('no such field');
}

/** Of two, one that looked at the first and one that looked at the second would disagree. */
function twice(headers: NodeJS.Dict<string[]>): boolean {
  return (['x-api-key', 'authorization', 'host', 'idempotency-key', 'last-event-id', 'content-type', 'content-length'] as const satisfies readonly (keyof IncomingHttpHeaders)[]).some((name) => (headers[name]?.length ?? 0) > 1);
}
