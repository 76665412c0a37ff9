import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/protocol';
import { ChallengeError } from '../errors.ts';
import { answer } from './live-tokens.ts';
import { type Http01Response, respondHttp01, supportsHttp01 } from './response.ts';

export interface Http01Options {
  /** 80 by default, where every CA asks. */
  readonly port?: number;
  /** The address to listen on; all of IPv6 and IPv4 by default. */
  readonly host?: string;
  readonly clock?: Clock;
}

/**
 * Answers http-01 with a listener of its own, one for any number of tokens: it opens with the first and is gone with the last.
 * @throws ChallengeError `ERR_CHALLENGE_PORT_IN_USE`, `ERR_CHALLENGE_PORT_DENIED`, `ERR_CHALLENGE_LISTEN`, by `present`
 */
export function http01({ port = 80, host, clock = systemClock }: Http01Options = {}): ChallengeSolver<Http01Response> {
  const tokens = new Map<string, string>();
  let server: Server | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** Opening and closing take turns, so that neither finds the other half done. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => { /* its caller hears of it */ });
    return result;
  };

  return {
    type: 'http-01',
    supports: supportsHttp01,
    respond: respondHttp01,
    present: ({ token, keyAuthorization }, { signal } = {}) => inTurn(async () => {
      signal?.throwIfAborted();
      server ??= await listen(createServer((incoming, response) => answer(tokens, incoming, response)), port, host);
      tokens.set(token, keyAuthorization);
    }),
    visible: async ({ token, keyAuthorization }, { signal } = {}) => {
      const address = server?.address() as AddressInfo | null | undefined;
      const shown = address ? await withTimeLimit({ clock, limit: 'PT5S', signal }, (limited) => ask(address, token, limited)) : undefined;
      if (shown !== keyAuthorization) throw new ChallengeError('ERR_CHALLENGE_NOT_VISIBLE', `port ${port} does not show the response that was put there`);
    },
    remove: ({ token }) => inTurn(async () => {
      tokens.delete(token);
      if (tokens.size > 0 || !server) return;
      const closing = server;
      server = undefined;
      const closed = once(closing, 'close');
      closing.close();
      closing.closeAllConnections();
      await closed;
    }),
  };
}

async function listen(server: Server, port: number, host: string | undefined): Promise<Server> {
  Object.assign(server, { headersTimeout: 5000, requestTimeout: 10_000, maxHeadersCount: 50, maxConnections: 500 });
  try {
    await once(server.listen({ port, host: host ?? '::' }), 'listening');
    return server;
  } catch (error) {
    const code = errorCode(error);
    if (host === undefined && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) return await listen(server, port, '0.0.0.0');   // no IPv6 on this machine
    if (code === 'EADDRINUSE') throw new ChallengeError('ERR_CHALLENGE_PORT_IN_USE', `port ${port} is in use: stop the program that listens there, choose another port, or let it serve the responses`, { cause: error });
    if (code === 'EACCES') throw new ChallengeError('ERR_CHALLENGE_PORT_DENIED', `port ${port} may not be listened on: ports below 1024 need root or CAP_NET_BIND_SERVICE`, { cause: error });
    throw new ChallengeError('ERR_CHALLENGE_LISTEN', `no listener can be started on port ${port}${host === undefined ? '' : ` of ${host}`} (${String(code)})`, { cause: error });
  }
}

/** What the listener answers to who asks on this machine. */
async function ask({ address, family, port }: AddressInfo, token: string, signal: AbortSignal): Promise<string> {
  const anywhere = address === '::' ? '::1' : address === '0.0.0.0' ? '127.0.0.1' : address;
  return await new Promise((resolve, reject) => {
    request({ host: anywhere, family: family === 'IPv6' ? 6 : 4, port, path: `/.well-known/acme-challenge/${token}`, agent: false, signal }, (response) => {
      response.setEncoding('utf8').toArray().then((parts: string[]) => resolve(parts.join('')), reject);
    }).on('error', reject).end();
  });
}
