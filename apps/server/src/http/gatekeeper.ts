import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Authenticator } from '../access/authenticator.ts';
import type { Caller } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import { endpointOf } from './endpoint.ts';
import { Webhooks } from '../around/webhooks.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller;
    received?: unknown;
    /** As it came. */
    rawBody?: Buffer;
  }
}

/** Stands before every route: what says nothing of who may use it is closed. */
@Injectable()
export class Gatekeeper implements CanActivate {
  readonly #authenticator: Authenticator;
  readonly #webhooks: Webhooks;

  constructor(@Inject(Authenticator) authenticator: Authenticator, @Inject(Webhooks) webhooks: Webhooks) {
    this.#authenticator = authenticator;
    this.#webhooks = webhooks;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const found = endpointOf(context.getHandler());
    if (!found) throw new ServerError('ERR_SERVER_FORBIDDEN', 'this route says nothing of who may use it, so nobody may');
    const { scope, browser } = found;
    if (scope === 'nobody') return true;
    if (scope === 'sender') {
      request.caller = await this.#webhooks.senderOf(request.headers, request.rawBody ?? Buffer.alloc(0));
      return true;
    }
    if (browser) context.switchToHttp().getResponse<FastifyReply>().header('www-authenticate', 'Basic realm="the API key as password"');
    const caller = await this.#authenticator.authenticate(browser ? withPassword(request.headers) : request.headers, request.ip);
    if (!caller) throw new ServerError('ERR_SERVER_UNAUTHENTICATED', 'this route needs an API key: send it as X-API-Key, or a token as Authorization: Bearer');
    if (scope !== 'any' && !caller.scopes.has(scope)) throw new ServerError('ERR_SERVER_FORBIDDEN', `this needs the scope ${scope}, which the key does not have`);
    request.caller = caller;
    return true;
  }
}

/** A browser sends what people type as the password: that is the key. RFC 7617 */
function withPassword(headers: FastifyRequest['headers']): FastifyRequest['headers'] {
  const [, basic] = /^Basic +([\w+/=]+)$/i.exec(headers.authorization ?? '') ?? [];
  if (basic === undefined) return headers;
  const text = Buffer.from(basic, 'base64').toString();
  return { ...headers, authorization: `Bearer ${text.slice(text.indexOf(':') + 1)}` };
}
