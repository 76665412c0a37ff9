import { randomUUID } from 'node:crypto';
import { errorCode } from '@acmex/errors';
import { LRUCache } from 'lru-cache';
import { withAdmin } from './admin.ts';
import type { Connection, PlainHandler, PlainRequest, PlainResponse } from './plain-http.ts';
import { type Answer, problemAnswer } from './answer.ts';
import { readBody, readBytes } from './body.ts';
import { importedKeys } from './jws.ts';
import { nonces as noncesOf } from './nonces.ts';
import { isRefusal, refusal } from './problems.ts';
import { clientAt, limited, tooManyRequests } from './rate-limits.ts';
import { repositoryRoutes, type Route, routes } from './routes.ts';
import type { ServerFailure } from './background.ts';
import { type SignedRequestOrigin, reportOf } from './server-watch.ts';
import type { Service } from './service.ts';
import type { Urls } from './urls.ts';
import {
  readsOnly,
  type SignatureState,
  type SignedBy,
  type SignedByAccount,
  type SignedRequest,
  signedRequest,
} from './signed-request.ts';

/** Answers a request, whatever it is: it never throws. */
export interface Handler {
  (request: Request, connection?: Connection): Promise<Response>;
  /**
   * The same without the weight of `Request` and `Response`, for servers that have their own; a
   * handler around another may lack it.
   */
  readonly plain?: PlainHandler;
}

/** Returns the server's side of RFC 8555 as one function. */
export function handlerOf(service: Service, onError: (failure: ServerFailure) => void): Handler {
  const plain = plainHandler(service, onError, { routes, urls: service.urls, isAcme: true });
  return asHandler(service.admin ? withAdmin(plain, service, service.admin) : plain);
}

/** Returns what anyone needs who verifies a certificate, as one function. */
export function repositoryHandlerOf(
  service: Service,
  onError: (failure: ServerFailure) => void,
): Handler {
  const { repositoryUrls: urls } = service;
  return asHandler(
    plainHandler(service, onError, { routes: repositoryRoutes, urls, isAcme: false }),
  );
}

function asHandler(plain: PlainHandler): Handler {
  const handler = async (request: Request, connection?: Connection) => {
    const { status, headers, body } = await plain(request, connection);
    return new Response(body.length === 0 ? null : body, {
      status,
      headers: headers.map(([name, value]) => [name, value] as [string, string]),
    });
  };
  return Object.assign(handler, { plain });
}

interface Resources {
  readonly routes: readonly Route[];
  readonly urls: Urls;
  /** Whether answers have what RFC 8555 wants of all resources. */
  readonly isAcme: boolean;
}

function plainHandler(
  service: Service,
  onError: (failure: ServerFailure) => void,
  { routes: available, urls, isAcme }: Resources,
): PlainHandler {
  const nonces = noncesOf(service);
  const authenticate = authenticator(service, { nonces, keys: importedKeys() });
  const { answering = unwatched } = service.watch;

  const dispatch = async (
    request: PlainRequest,
    route: Route | undefined,
    { path, address }: { readonly path: string; readonly address: string },
  ): Promise<Answer> => {
    if (!route) throw refusal('malformed', 'there is nothing at this URL', { status: 404 });
    checkMethod(route, request);
    const parameters = route.path.exec(path)?.groups ?? {};
    await limited(
      service.rateLimiter,
      route.signedBy === 'none' && route.nonce ? 'nonce' : 'request',
      clientAt(address),
    );
    if (route.signedBy === 'none') {
      if (request.method === 'POST' && route.answerBody) {
        const { largest, answer } = route.answerBody;
        const length = request.headers.get('content-length');
        return await answer(service, await readBytes(request.body, { length, largest }));
      }
      // A POST-as-GET, which is the same as a GET. RFC 8555 §6.3
      if (request.method === 'POST')
        readsOnly(await authenticate(request, { path, address, signedBy: 'kid' }));
      return await route.answer(service, parameters, request.method);
    }
    const signed = await authenticate(request, { path, address, signedBy: route.signedBy });
    return await answering({ address, account: signed.account?.id }, async () =>
      route.signedBy === 'kid'
        ? await route.answer(service, signed as SignedByAccount, parameters)
        : await route.answer(service, signed, { address }),
    );
  };

  return async (request, { address = 'unknown' } = {}) => {
    const path = urls.pathOf(request.url) ?? '';
    const route = available.find((route) => route.path.test(path));
    const wantsNonce =
      isAcme && (request.method === 'POST' || (route?.signedBy === 'none' && route.nonce === true));
    const index = isAcme && path !== '/directory' ? urls.of('/directory') : undefined;
    const report = (answer: Answer) => {
      if (isAcme) service.watch.onAnswer?.(reportOf(answer));
      return answer;
    };
    try {
      const answer = await dispatch(request, route, { path, address }).catch((error: unknown) =>
        refused(error, request, onError),
      );
      const nonce = wantsNonce ? await nonces.fresh() : undefined;
      return responseOf(request, report(answer), { index, nonce });
    } catch (error) {
      const answer = report(refused(error, request, onError));
      return responseOf(request, answer, { index, nonce: undefined });
    }
  };
}

async function unwatched<T>(_: SignedRequestOrigin, work: () => Promise<T>): Promise<T> {
  return await work();
}

/** Addresses whose requests are refused without being read, and until when. */
const rememberedAddresses = 20_000;

/**
 * Returns a function that verifies who has signed a request. An address that sends many requests
 * without a valid signature is refused for a while before its requests are read.
 */
function authenticator(service: Service, state: SignatureState) {
  const { clock, rateLimiter } = service;
  const blockedUntil = new LRUCache<string, number>({ max: rememberedAddresses });
  return async (
    request: PlainRequest,
    {
      path,
      address,
      signedBy,
    }: { readonly path: string; readonly address: string; readonly signedBy: SignedBy },
  ): Promise<SignedRequest> => {
    const by = clientAt(address);
    const seconds = Math.ceil(((blockedUntil.get(by) ?? 0) - clock.monotonic()) / 1000);
    if (seconds > 0) throw tooManyRequests(seconds);
    if (!/^application\/jose\+json$/i.test(request.headers.get('content-type') ?? ''))
      throw refusal(
        'malformed',
        'the request has another Content-Type than application/jose+json',
        { status: 415 },
      );
    const body = await readBody(request.body, request.headers.get('content-length'));
    try {
      return await signedRequest(service, state, { url: service.urls.of(path), body, signedBy });
    } catch (error) {
      const pause = isRefusal(error) ? await rateLimiter.take('refused-request', by) : 0;
      if (pause > 0) blockedUntil.set(by, clock.monotonic() + pause * 1000);
      throw error;
    }
  };
}

/** @throws Refusal `malformed` with 405 */
function checkMethod(route: Route, { method }: Pick<PlainRequest, 'method'>): void {
  const methods = route.signedBy === 'none' ? route.methods : ['POST'];
  if (!methods.includes(method))
    throw refusal('malformed', `this URL takes ${methods.join(' and ')} alone`, {
      status: 405,
      headers: { allow: methods.join(', ') },
    });
}

/**
 * What a client gets to know of an error: all of a refusal, and of anything else that it happened.
 */
function refused(
  error: unknown,
  { method, url }: Pick<PlainRequest, 'method' | 'url'>,
  onError: (failure: ServerFailure) => void,
): Answer {
  if (isRefusal(error)) return problemAnswer(error.document, error.headers);
  const correlationId = randomUUID();
  onError({
    during: `${method} ${URL.canParse(url) ? new URL(url).pathname.slice(0, 200) : 'to no URL'}`,
    correlationId,
    error,
  });
  const away =
    errorCode(error) === 'ERR_STORAGE_UNAVAILABLE' || errorCode(error) === 'ERR_STORAGE_CONFLICT';
  const { document } = refusal(
    'serverInternal',
    `this CA has a fault of its own; tell its operator ${correlationId}`,
    { status: away ? 503 : 500 },
  );
  return problemAnswer(document, away ? { 'retry-after': '10' } : {});
}

/**
 * "a Link header with the relation index on all resources other than the directory", RFC 8555 §7.1,
 * and a nonce where there is to be one.
 */
function responseOf(
  request: PlainRequest,
  { status: ownStatus, headers, links = [], body }: Answer,
  { index, nonce }: { readonly index: string | undefined; readonly nonce: string | undefined },
): PlainResponse {
  const all = index === undefined ? links : [...links, [index, 'index'] as const];
  const status = ownStatus === 200 && isUnchanged(request, headers['etag']) ? 304 : ownStatus;
  return {
    status,
    headers: [
      ...Object.entries({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        ...headers,
      }),
      ...(nonce === undefined ? [] : [['replay-nonce', nonce] as const]),
      ...all.map(([target, relation]) => ['link', `<${target}>;rel="${relation}"`] as const),
    ],
    body: request.method === 'HEAD' || status === 204 || status === 304 ? '' : body,
  };
}

/** Whether the client says that it has this already. RFC 9110 §13.1.2 */
function isUnchanged({ method, headers }: PlainRequest, etag: string | undefined): boolean {
  if (etag === undefined || (method !== 'GET' && method !== 'HEAD')) return false;
  const tags = (headers.get('if-none-match') ?? '').split(',').map((tag) => tag.trim());
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}
