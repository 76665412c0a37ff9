import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { errorCode, printable } from '@acmex/errors';
import { formatHostPort } from '@acmex/identifier';
import { AcmeError } from '../errors.ts';
import type { Proxy, ProxySelector } from './proxy.ts';

/** For a proxy to open a tunnel. */
const tunnelLimitMs = 30_000;

export interface TunnelAgentOptions extends AgentOptions {
  readonly proxyFor: ProxySelector;
  /** Returns the roots that are trusted; by default those of Node.js. */
  readonly trust?: (() => SecureContext) | undefined;
}

/** What a request for a `TunnelAgent` may have besides. */
export interface TunnelRequestOptions extends RequestOptions {
  /**
   * Ends the opening of the tunnel. Node.js passes no `signal` on to an agent, and would wait for
   * the tunnel before it ends the request.
   */
  readonly tunnelSignal?: AbortSignal | undefined;
}

/**
 * An agent for https requests that reaches each host directly, or by a tunnel through its proxy
 * (RFC 9110 §9.3.6). The TLS connection is with the host: the proxy cannot read it. What a proxy
 * answers instead of opening a tunnel is an error, never the answer of the host.
 */
export class TunnelAgent extends Agent {
  readonly #proxyFor: ProxySelector;
  readonly #trust: () => { readonly secureContext?: SecureContext };
  readonly #opening = new Set<ClientRequest>();

  constructor({ proxyFor, trust, ...options }: TunnelAgentOptions) {
    super(options);
    this.#proxyFor = proxyFor;
    this.#trust = () => (trust ? { secureContext: trust() } : {});
  }

  override createConnection(
    { tunnelSignal, ...request }: TunnelRequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const options: RequestOptions = { ...request, ...this.#trust() };
    const authority = authorityOf(options);
    const proxy = this.#proxyFor(new URL(`https://${authority}`));
    if (!proxy) return super.createConnection(options, callback);
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    this.#openTunnel(proxy, { authority, signal: tunnelSignal }, (error, socket) => {
      if (error) return done(error);
      // Node.js takes the socket of the tunnel for its TLS; its types do not say so.
      const secured: RequestOptions & { socket?: Duplex | undefined } = { ...options, socket };
      return done(null, super.createConnection(secured) ?? undefined);
    });
    return undefined;
  }

  override destroy(): void {
    for (const request of this.#opening) request.destroy();
    super.destroy();
  }

  #openTunnel(
    proxy: Proxy,
    { authority, signal }: { readonly authority: string; readonly signal: AbortSignal | undefined },
    done: (error: Error | null, socket?: Duplex) => void,
  ): void {
    const request = requestTo(proxy, {
      method: 'CONNECT',
      path: authority,
      headers: { host: authority },
      agent: false,
      timeout: tunnelLimitMs,
      ...(signal ? { signal } : {}),
      ...this.#trust(),
    });
    this.#opening.add(request);
    const settle = (error: Error | null, socket?: Duplex) => {
      this.#opening.delete(request);
      done(error, socket);
    };
    request.once('connect', (response: IncomingMessage, socket: Duplex) => {
      if (response.statusCode === 200) return settle(null, socket);
      socket.destroy();
      return settle(proxyRefusal(proxy, authority, response));
    });
    request.once('timeout', () =>
      request.destroy(
        new AcmeError(
          'ERR_ACME_PROXY',
          `the proxy ${proxy.text} opened no tunnel to ${authority} within ${tunnelLimitMs / 1000} seconds: check the proxy`,
        ),
      ),
    );
    request.once('error', (cause) =>
      settle(signal?.aborted === true ? cause : proxyFailure(proxy, cause)),
    );
    request.end();
  }
}

export interface ProxyRequestOptions extends RequestOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly secureContext?: SecureContext;
}

/** Creates a request to a proxy, with the credentials for it. */
export function requestTo(
  { isSecure, host, port, authorization }: Proxy,
  { headers, ...options }: ProxyRequestOptions,
): ClientRequest {
  const send = isSecure ? httpsRequest : httpRequest;
  return send({
    ...options,
    protocol: isSecure ? 'https:' : 'http:',
    host,
    port,
    headers: {
      ...headers,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    },
  });
}

/** Returns the error for an answer of the proxy itself: 407 (RFC 9110 §15.5.8), 403 and others. */
export function proxyRefusal(
  { text, authorization }: Proxy,
  target: string,
  { statusCode, statusMessage = '' }: IncomingMessage,
): AcmeError {
  const said = `${statusCode} ${printable(statusMessage, 100)}`.trim();
  if (statusCode !== 407 && statusCode !== 401)
    return new AcmeError(
      'ERR_ACME_PROXY',
      `the proxy ${text} does not connect to ${target} (${said}): permit the host at the proxy, or name it in NO_PROXY or network.no_proxy`,
    );
  return new AcmeError(
    'ERR_ACME_PROXY',
    authorization === undefined
      ? `the proxy ${text} wants a user and a password (${said}): write them into its URL, as http://USER:PASSWORD@HOST:PORT`
      : `the proxy ${text} refuses the user or password in its URL (${said}): correct them`,
  );
}

/** Returns the error for a proxy that cannot be reached. */
export function proxyFailure({ text }: Proxy, cause: Error): AcmeError {
  if (cause instanceof AcmeError) return cause;
  const why = printable(errorCode(cause) ?? cause.message, 200);
  return new AcmeError(
    'ERR_ACME_PROXY',
    `the proxy ${text} cannot be reached (${why}): check HTTPS_PROXY, HTTP_PROXY or network.proxy`,
    { cause },
  );
}

function authorityOf({ host, port }: RequestOptions): string {
  return formatHostPort({ host: host ?? 'localhost', port: Number(port ?? 443) });
}
