import { printable } from '@acmex/errors';
import type { FastifyRequest } from 'fastify';
import { digestOf, matches } from '../access/api-key.ts';
import type { IncomingRequest } from '../access/credentials.ts';
import type { VerifiedSession } from '../access/session-store.ts';
import { ServerError } from '../errors.ts';
import { subjectOf } from './problem.ts';

type ChangingRequest = IncomingRequest & Pick<FastifyRequest, 'method' | 'url'>;

/**
 * Refuses a request that a browser sends for a page of another origin. Programs say nothing of
 * origins. RFC 6454 §7, Fetch Metadata Request Headers §2.3
 * @throws ServerError `ERR_SERVER_CSRF`
 */
export function assertSameOrigin(request: ChangingRequest): void {
  const { origin, 'sec-fetch-site': site } = request.headers;
  const expected = originOf(`${request.protocol}://${request.host}`);
  if (origin !== undefined && (expected === undefined || originOf(origin) !== expected))
    throw refusal(
      request,
      `comes from a page of ${printable(origin, 200)}, and the server is ${expected ?? 'not named'}`,
    );
  if (site !== undefined && site !== 'same-origin')
    throw refusal(request, 'comes from a page of another origin');
}

/**
 * Refuses a request of a session without the session's token, which pages of another origin cannot
 * know.
 * @throws ServerError `ERR_SERVER_CSRF`
 */
export function assertCsrfToken(
  request: ChangingRequest,
  { csrf }: Pick<VerifiedSession, 'csrf'>,
): void {
  const { 'x-csrf-token': token } = request.headers;
  if (typeof token === 'string' && matches(token, digestOf(csrf))) return;
  throw refusal(
    request,
    token === undefined
      ? 'needs the header X-CSRF-Token, because it has the cookie of a session'
      : 'has an X-CSRF-Token of another session',
  );
}

/** Returns scheme, host and port of a URL; undefined where it is none, as for `null`. */
function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function refusal(request: ChangingRequest, detail: string): ServerError {
  return new ServerError('ERR_SERVER_CSRF', `${subjectOf(request)} ${detail}`);
}
