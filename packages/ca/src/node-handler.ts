import type { IncomingMessage, ServerResponse } from 'node:http';
import { largestBody, readBytes } from './body.ts';
import type { Handler } from './handler.ts';
import type { PlainHandler, PlainRequest } from './plain-http.ts';

/**
 * A handler as `node:http` and `node:https` call it. The address of the other end is the
 * connection's: no header is believed. The promise resolves when the handler has ended and its
 * response was written; it never rejects.
 */
export function nodeHandler(
  handler: Handler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const plain = handler.plain ?? plainOf(handler);
  return async (request, response) => {
    try {
      await answer(plain, request, response);
    } catch {
      response.destroy(); // the connection broke, so no one reads the answer
    }
  };
}

async function answer(
  plain: PlainHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const request = requestOf(incoming);
  const { status, headers, body } = request
    ? await plain(request, { address: incoming.socket.remoteAddress })
    : { status: 400, headers: [], body: '' };
  const names = new Set(headers.map(([name]) => name));
  // Each link is a line of its own: clients read them line by line.
  for (const name of names) {
    const values = headers.filter(([headerName]) => headerName === name).map(([, value]) => value);
    outgoing.setHeader(name, values.length === 1 ? (values[0] ?? '') : values);
  }
  outgoing.statusCode = status;
  if (status !== 204 && incoming.method !== 'HEAD')
    outgoing.setHeader('content-length', Buffer.byteLength(body));
  // A text goes out in one piece with the headers.
  outgoing.end(body);
}

/**
 * Undefined for what is not a request. What is left of a body that is too large is never read.
 */
function requestOf(incoming: IncomingMessage): PlainRequest | undefined {
  const { method = '', url: path = '', headers } = incoming;
  const url = `http://localhost${path}`;
  if (!path.startsWith('/') || !URL.canParse(url)) return undefined;
  const get = (name: string) => {
    const value = headers[name];
    return value === undefined ? null : String(value);
  };
  return {
    method,
    url,
    headers: { get },
    body: incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
  };
}

/**
 * Through `Request` and `Response`. A body that is too large is left to the handler to refuse, by
 * the length that it says.
 */
function plainOf(handler: Handler): PlainHandler {
  return async ({ method, url, headers, body }, connection) => {
    const [type, length] = [headers.get('content-type'), headers.get('content-length')];
    const content =
      method === 'GET' || method === 'HEAD'
        ? undefined
        : await readBytes(body, { length, largest: largestBody }).catch(() => undefined);
    const known = {
      ...(type === null ? {} : { 'content-type': type }),
      ...(content === undefined && body
        ? { 'content-length': length ?? String(largestBody + 1) }
        : {}),
    };
    const answer = await handler(
      new Request(url, {
        method,
        headers: known,
        ...(content === undefined ? {} : { body: Uint8Array.from(content) }),
      }),
      connection,
    );
    return {
      status: answer.status,
      headers: headersOf(answer.headers),
      body: new Uint8Array(await answer.arrayBuffer()),
    };
  };
}

/** `Headers` joins what came more than once; links are taken apart again. */
function headersOf(headers: Headers): readonly (readonly [string, string])[] {
  return [...headers].flatMap(([name, value]) =>
    name === 'link'
      ? value.split(/, (?=<)/).map((part) => [name, part] as const)
      : [[name, value] as const],
  );
}
