import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** RFC 8555 §8.3 */
export const challengePath = '/.well-known/acme-challenge/';

/** What http-01 shows: under a token's path, its key authorization. RFC 8555 §8.3 */
export type LiveTokens = ReadonlyMap<string, string>;

/** Whether a request asks for a path of http-01. */
export function isForChallenge({ url = '' }: IncomingMessage): boolean {
  return url.startsWith(challengePath);
}

/** The token that a request asks for, where it is one. */
export function tokenOf({ url = '' }: Pick<IncomingMessage, 'url'>): string | undefined {
  const token = url.startsWith(challengePath) ? url.slice(challengePath.length) : '';
  return /^[\w-]{1,512}$/.test(token) ? token : undefined;
}

/**
 * Answers with a live token's key authorization under exactly its path, and says no to all else.
 * Nothing of the request comes back.
 */
export function answer(
  tokens: LiveTokens,
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
): void {
  const keyAuthorization = url.startsWith(challengePath)
    ? tokens.get(url.slice(challengePath.length))
    : undefined;
  if (keyAuthorization === undefined)
    return reply(response, 404, { 'content-type': 'text/plain' }, 'not found\n');
  if (method !== 'GET' && method !== 'HEAD')
    return reply(
      response,
      405,
      { allow: 'GET, HEAD', 'content-type': 'text/plain' },
      'method not allowed\n',
    );
  reply(response, 200, { 'content-type': 'application/octet-stream' }, keyAuthorization);
}

/** Node leaves the body away where the method is HEAD. */
function reply(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string,
): void {
  response
    .writeHead(status, {
      ...headers,
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    })
    .end(body);
}
