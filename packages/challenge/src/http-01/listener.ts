import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { ChallengeError } from '../errors.ts';
import { inTurn, listening } from '../port.ts';
import { answer } from './live-tokens.ts';
import { bodyAt } from './loopback.ts';
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
 * `visible` asks this listener over loopback, for 5 seconds at most; whether the CA's way leads here it cannot know.
 * @throws ChallengeError by `present`: `ERR_CHALLENGE_PORT_IN_USE`, `ERR_CHALLENGE_PORT_DENIED`, `ERR_CHALLENGE_LISTEN`; by `visible`: `ERR_CHALLENGE_NOT_VISIBLE`
 */
export function http01({ port = 80, host, clock = systemClock }: Http01Options = {}): ChallengeSolver<Http01Response> {
  const tokens = new Map<string, string>();
  let server: Server | undefined;
  const turn = inTurn();

  const shown = async (token: string, signal: AbortSignal): Promise<string | undefined> => {
    const address = server?.address();
    return address && typeof address === 'object' ? await bodyAt(address, token, signal) : undefined;
  };
  const notVisible = (options?: ErrorOptions) =>
    new ChallengeError('ERR_CHALLENGE_NOT_VISIBLE', `port ${port} of this machine does not show the response that was put there: check what else serves the port`, options);

  return {
    type: 'http-01',
    supports: supportsHttp01,
    respond: respondHttp01,
    present: ({ token, keyAuthorization }, { signal } = {}) => turn(async () => {
      signal?.throwIfAborted();
      server ??= await listening(() => serverFor((request, response) => answer(tokens, request, response)), { port, host });
      tokens.set(token, keyAuthorization);
    }),
    visible: async ({ token, keyAuthorization }, { signal } = {}) => {
      const body = await withTimeLimit({ clock, limit: 'PT5S', signal }, (limited) => shown(token, limited)).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw notVisible({ cause: error });
      });
      if (body !== keyAuthorization) throw notVisible();
    },
    remove: ({ token }) => turn(async () => {
      tokens.delete(token);
      if (tokens.size > 0 || !server) return;
      const closing = server;
      server = undefined;
      await close(closing);
    }),
  };
}

function serverFor(listener: RequestListener): Server {
  // Without an interval of its own, Node looks for connections that are over their time only twice a minute.
  const server = createServer({ headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 }, listener);
  server.maxHeadersCount = 50;
  server.maxConnections = 500;
  return server;
}

/** No client can make it wait: all connections are cut. */
async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
