import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, systemClock } from '@acmex/clock';
import { listening } from '../port.ts';
import { type PublicLookUp, publicLookUp } from '../public-look-up.ts';
import { assertShared, type SharedResponses } from '../shared-responses.ts';
import { answer, isForChallenge, tokenOf } from './live-tokens.ts';
import { type Http01Response, respondHttp01, supportsHttp01 } from './response.ts';
import { close, serverFor } from './server.ts';

export interface Http01AnswersOptions {
  readonly shared: Pick<SharedResponses, 'find'>;
  /** 80 by default, where every CA asks. */
  readonly port?: number;
  /** The address to listen on; all of IPv6 and IPv4 by default. */
  readonly host?: string | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Answers http-01 for every machine that shares its responses, until it is disposed of: where the
 * CA's requests arrive, which need not be where the certificate is ordered.
 * @throws ChallengeError `ERR_CHALLENGE_PORT_IN_USE`, `ERR_CHALLENGE_PORT_DENIED`,
 * `ERR_CHALLENGE_LISTEN`
 */
export async function http01Answers({
  shared,
  port = 80,
  host,
  clock = systemClock,
}: Http01AnswersOptions): Promise<AsyncDisposable> {
  const lookUp = publicLookUp(shared, { clock });
  const server: Server = await listening(() => serverFor(answering(new Map(), lookUp)), {
    port,
    host,
  });
  return { [Symbol.asyncDispose]: () => close(server) };
}

/**
 * Solves http-01 by responses that another part answers with, which shares them: `http01Answers`, or
 * `http01SharedHandler` in a server of this program. It opens no port.
 */
export function http01Shared({
  shared,
}: {
  readonly shared: SharedResponses;
}): ChallengeSolver<Http01Response> {
  return {
    type: 'http-01',
    supports: supportsHttp01,
    respond: respondHttp01,
    async present({ token, keyAuthorization }, { signal } = {}) {
      signal?.throwIfAborted();
      await shared.put(token, keyAuthorization);
    },
    visible: async ({ token, keyAuthorization }) =>
      await assertShared(shared, token, keyAuthorization),
    remove: async ({ token }) => await shared.remove(token),
  };
}

/**
 * Returns a part of an HTTP server that answers requests below `/.well-known/acme-challenge/` with
 * shared responses.
 * @returns a function that returns false for any other request: the server continues with it
 */
export function http01SharedHandler({
  shared,
  clock = systemClock,
}: Pick<Http01AnswersOptions, 'shared' | 'clock'>): (
  request: IncomingMessage,
  response: ServerResponse,
) => boolean {
  const listener = answering(new Map(), publicLookUp(shared, { clock }));
  return (request, response) => {
    if (!isForChallenge(request)) return false;
    listener(request, response);
    return true;
  };
}

/**
 * Answers with one of its own tokens, else with one that is shared. A storage that is away is a 404:
 * the CA asks again.
 */
export function answering(
  tokens: ReadonlyMap<string, string>,
  lookUp: PublicLookUp | undefined,
): RequestListener {
  return (request, response) => {
    const token = tokenOf(request);
    if (!lookUp || token === undefined || tokens.has(token))
      return answer(tokens, request, response);
    void lookUp(token, request.socket.remoteAddress)
      .catch(() => undefined)
      .then((keyAuthorization) =>
        answer(
          keyAuthorization === undefined ? tokens : new Map([[token, keyAuthorization]]),
          request,
          response,
        ),
      );
  };
}
