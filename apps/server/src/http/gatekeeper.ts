import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Authenticator } from '../access/authenticator.ts';
import { ServerError } from '../errors.ts';
import { type EndpointDescription, endpointOf } from './endpoint.ts';
import { Exchange, type OpenRequest } from './exchange.ts';
import { Webhooks } from '../webhooks/webhook-senders.ts';

/** Stands before every route: what says nothing of who may use it is closed. */
@Injectable()
export class Gatekeeper implements CanActivate {
  readonly #authenticator: Authenticator;
  readonly #webhooks: Webhooks;

  readonly #exchange: Exchange;

  constructor(
    @Inject(Authenticator) authenticator: Authenticator,
    @Inject(Webhooks) webhooks: Webhooks,
    @Inject(Exchange) exchange: Exchange,
  ) {
    this.#authenticator = authenticator;
    this.#exchange = exchange;
    this.#webhooks = webhooks;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<OpenRequest>();
    const found = endpointOf(context.getHandler());
    if (!found)
      throw new ServerError(
        'ERR_SERVER_FORBIDDEN',
        'this route says nothing of who may use it, so nobody may',
      );
    request.exchange = this.#exchange.open(found, request, http.getResponse<FastifyReply>());
    return (
      found.scope === 'nobody' || this.#letIn(found, request, http.getResponse<FastifyReply>())
    );
  }

  async #letIn(
    { scope, browser }: EndpointDescription,
    request: OpenRequest,
    reply: FastifyReply,
  ): Promise<boolean> {
    if (scope === 'sender') {
      request.caller = await this.#webhooks.senderOf(
        request.headers,
        request.rawBody ?? Buffer.alloc(0),
      );
      return true;
    }
    if (browser) reply.header('www-authenticate', 'Basic realm="the API key as password"');
    const caller = await this.#authenticator.authenticate(
      browser ? withPassword(request.headers) : request.headers,
      request.ip,
    );
    if (!caller)
      throw new ServerError(
        'ERR_SERVER_UNAUTHENTICATED',
        'this route needs an API key: send it as X-API-Key, or a token as Authorization: Bearer',
      );
    if (scope !== 'any' && scope !== 'nobody' && !caller.scopes.has(scope))
      throw new ServerError(
        'ERR_SERVER_FORBIDDEN',
        `this needs the scope ${scope}, which the key does not have`,
      );
    request.caller = caller;
    return true;
  }
}

/** A browser sends what people type as the password: that is the key. RFC 7617 */
export function withPassword(headers: OpenRequest['headers']): OpenRequest['headers'] {
  const [, basic] = /^Basic +([\w+/=]+)$/i.exec(headers.authorization ?? '') ?? [];
  if (basic === undefined) return headers;
  const text = Buffer.from(basic, 'base64').toString();
  return { ...headers, authorization: `Bearer ${text.slice(text.indexOf(':') + 1)}` };
}
