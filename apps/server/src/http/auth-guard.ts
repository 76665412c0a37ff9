import type { Clock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { digestOf } from '../access/api-key.ts';
import { Authenticator } from '../access/authenticator.ts';
import type { Admission, Caller } from '../access/caller.ts';
import {
  calendarCredentialsOf,
  type Credentials,
  credentialsOf,
  withPassword,
} from '../access/credentials.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { WebhookSenders } from '../webhooks/webhook-senders.ts';
import { assertCsrfToken, assertSameOrigin } from './csrf.ts';
import type { EndpointDescription } from './endpoint.ts';
import { subjectOf } from './problem.ts';

/** A request as the parser of bodies leaves it. */
export interface ParsedRequest extends FastifyRequest {
  /** The bytes of the body, which signatures and digests cover. */
  readonly rawBody?: Buffer;
}

/** How long a route that needs no key waits to learn who asks. */
const identificationLimit = { milliseconds: 800 };

/** Lets in who may use a route. */
@Injectable()
export class AuthGuard {
  readonly #authenticator: Authenticator;
  readonly #senders: WebhookSenders;
  readonly #clock: Clock;

  constructor(
    @Inject(Authenticator) authenticator: Authenticator,
    @Inject(WebhookSenders) senders: WebhookSenders,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#authenticator = authenticator;
    this.#senders = senders;
    this.#clock = clock;
  }

  /**
   * Admits a request to a route.
   * @param reply gets the header that makes a browser ask for the key
   * @returns undefined where the route needs no key, and the request has none
   * @throws ServerError `ERR_SERVER_UNAUTHENTICATED`, `ERR_SERVER_FORBIDDEN`,
   * `ERR_SERVER_THROTTLED`, `ERR_SERVER_SIGNATURE`, `ERR_SERVER_CSRF`
   */
  async admit(
    endpoint: EndpointDescription,
    request: ParsedRequest,
    reply: FastifyReply,
  ): Promise<Admission | undefined> {
    if (endpoint.scope !== 'none') return await this.authorize(endpoint, request, reply);
    if (endpoint.method !== 'GET') assertSameOrigin(request);
    const caller = endpoint.identifies && (await this.#identify(endpoint, request));
    return caller ? { caller } : undefined;
  }

  /** Returns who asks; undefined where the storage does not answer in time. */
  async #identify(
    endpoint: EndpointDescription,
    request: ParsedRequest,
  ): Promise<Caller | undefined> {
    const done = new AbortController();
    const late = this.#clock.sleep(identificationLimit, { signal: done.signal }).catch(() => {
      /* it was in time */
    });
    try {
      const caller = await Promise.race([
        this.#authenticator.authenticate(credentialsFor(endpoint, request), request.ip),
        late,
      ]);
      return caller ?? undefined;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ERR_SERVER_UNAUTHENTICATED' || code === 'ERR_SERVER_THROTTLED') throw error;
      return undefined;
    } finally {
      done.abort();
    }
  }

  /**
   * Authenticates a request and checks that it has the scope of the route.
   * @param reply gets the header that makes a browser ask for the key
   * @throws ServerError `ERR_SERVER_UNAUTHENTICATED`, `ERR_SERVER_FORBIDDEN`,
   * `ERR_SERVER_THROTTLED`, `ERR_SERVER_SIGNATURE`, `ERR_SERVER_CSRF`
   */
  async authorize(
    endpoint: EndpointDescription,
    request: ParsedRequest,
    reply: FastifyReply,
  ): Promise<Admission> {
    const { scope, browser, method, path } = endpoint;
    const { headers, ip, rawBody = Buffer.alloc(0) } = request;
    if (scope === 'sender') return await this.#senders.authenticate(headers, rawBody, ip);
    if (browser) reply.header('www-authenticate', 'Basic realm="the API key as password"');
    const caller = await this.#authenticator.authenticate(credentialsFor(endpoint, request), ip);
    if (!caller) throw missingCredential(request);
    if (caller.session && method !== 'GET') {
      assertSameOrigin(request);
      assertCsrfToken(request, caller.session);
    }
    if (scope !== 'any' && scope !== 'none' && !caller.scopes.has(scope))
      throw new ServerError(
        'ERR_SERVER_FORBIDDEN',
        `${method} ${path} needs the scope ${scope}, which ${caller.id} does not have`,
      );
    return { caller };
  }

  /**
   * Checks that the credential of an admitted request is still valid, with the same rights. A
   * token's leeway is for the clocks of those who send requests: no request waits beyond the
   * token's own end.
   * @throws ServerError `ERR_SERVER_UNAUTHENTICATED`
   */
  async reauthenticate(
    admitted: Caller,
    endpoint: EndpointDescription,
    request: ParsedRequest,
  ): Promise<void> {
    const { headers, rawBody = Buffer.alloc(0) } = request;
    const caller =
      endpoint.scope === 'sender'
        ? (await this.#senders.verify(headers, rawBody))?.caller
        : await this.#authenticator.verify(credentialsFor(endpoint, request));
    if (caller && !this.#hasEnded(caller) && hasSameRights(caller, admitted)) return;
    throw new ServerError(
      'ERR_SERVER_UNAUTHENTICATED',
      `${admitted.id} has ended, or was revoked, while its request waited: use another key or token`,
    );
  }

  #hasEnded({ expiresAt }: Caller): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.#clock.now().epochMilliseconds;
  }
}

function hasSameRights(caller: Caller, admitted: Caller): boolean {
  const rightsOf = ({ tenant, scopes, names }: Caller) =>
    JSON.stringify([tenant.name, [...scopes].sort(), names]);
  return rightsOf(caller) === rightsOf(admitted);
}

/**
 * Returns the credentials of a request to a route; a browser sends the key as a password. It also
 * sends its cookie to each route: one that has ended must not close a route that needs no key.
 */
function credentialsFor(
  { browser, takesCalendarToken, scope }: EndpointDescription,
  request: ParsedRequest,
): Credentials {
  if (scope === 'none') return { ...credentialsOf(request), cookies: [] };
  const credentials = takesCalendarToken ? calendarCredentialsOf(request) : credentialsOf(request);
  const { authorization } = credentials;
  return browser ? { ...credentials, authorization: withPassword(authorization) } : credentials;
}

/** Returns what identifies the credential of a request, without revealing it. */
export function credentialId(endpoint: EndpointDescription, request: ParsedRequest): string {
  const isSender = endpoint.scope === 'sender';
  const { 'webhook-signature': signature } = request.headers;
  return digestOf(JSON.stringify([isSender, signature, credentialsFor(endpoint, request)]));
}

/**
 * Returns the error of a request without a key. It is the same whether the path exists or not: who
 * says nothing of who they are does not learn that.
 */
export function missingCredential(request: Pick<FastifyRequest, 'method' | 'url'>): ServerError {
  return new ServerError(
    'ERR_SERVER_UNAUTHENTICATED',
    `${subjectOf(request)} needs an API key: send it as X-API-Key, or a token as Authorization: Bearer`,
  );
}
