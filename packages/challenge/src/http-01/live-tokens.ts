import type { IncomingMessage, ServerResponse } from 'node:http';

const path = '/.well-known/acme-challenge/';

/** What http-01 shows: under a token's path, its key authorization. RFC 8555 §8.3 */
export type LiveTokens = ReadonlyMap<string, string>;

/** Whether a request asks for anything in the place of http-01. */
export function isForChallenge({ url = '' }: IncomingMessage): boolean {
  return url.startsWith(path);
}

/** Answers with a live token's key authorization under exactly its path, and says no to all else. Nothing of the request comes back. */
export function answer(tokens: LiveTokens, { method, url = '' }: IncomingMessage, response: ServerResponse): void {
  const found = url.startsWith(path) ? tokens.get(url.slice(path.length)) : undefined;
  response.setHeader('connection', 'close');
  if (found === undefined) return void response.writeHead(404, { 'content-type': 'text/plain', 'content-length': 10 }).end('not found\n');
  if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD', 'content-type': 'text/plain' }).end('method not allowed\n');
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': Buffer.byteLength(found) }).end(method === 'HEAD' ? undefined : found);
}
