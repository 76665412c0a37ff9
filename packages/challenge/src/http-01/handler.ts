import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ChallengeSolver } from '@acmex/client';
import { ChallengeError } from '../errors.ts';
import { answer, isForChallenge } from './live-tokens.ts';
import { type Http01Response, respondHttp01, supportsHttp01 } from './response.ts';

export interface Http01Handler extends ChallengeSolver<Http01Response> {
  /**
   * Answers each request below `/.well-known/acme-challenge/`, with 404 where no live token has the
   * path.
   * @returns false for any other request: the server continues with it
   */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
}

/**
 * Answers http-01 through a server that is there already: hand each request on port 80 to
 * `handle` first. `visible` says that `handle` would answer; the server itself it does not know.
 */
export function http01Handler(): Http01Handler {
  const tokens = new Map<string, string>();
  return {
    type: 'http-01',
    supports: supportsHttp01,
    respond: respondHttp01,
    async present({ token, keyAuthorization }, { signal } = {}) {
      signal?.throwIfAborted();
      tokens.set(token, keyAuthorization);
    },
    async visible({ token, keyAuthorization }, { signal } = {}) {
      signal?.throwIfAborted();
      if (tokens.get(token) !== keyAuthorization)
        throw new ChallengeError(
          'ERR_CHALLENGE_NOT_VISIBLE',
          'the http-01 handler does not hold this response: present it with this same handler first',
        );
    },
    async remove({ token }) {
      tokens.delete(token);
    },
    handle(request, response) {
      if (!isForChallenge(request)) return false;
      answer(tokens, request, response);
      return true;
    },
  };
}
