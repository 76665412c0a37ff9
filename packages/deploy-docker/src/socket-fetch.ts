import { type IncomingMessage, request } from 'node:http';
import { errorCode, errorText, systemFailureText } from '@acmex/errors';

/** A list of many containers has less. */
const longestAnswer = 4 * 1024 * 1024;

/**
 * Returns a fetch whose requests all go to a UNIX socket, which the global one cannot reach. It
 * follows no redirect, and sends text only.
 */
export function socketFetch(socketPath: string): typeof fetch {
  return async (input, init = {}) => {
    const { pathname, search } = new URL(String(input));
    const { method = 'GET', body, signal } = init;
    const headers = Object.fromEntries(new Headers(init.headers));
    try {
      return await new Promise<Response>((resolve, reject) => {
        const sent = request(
          { socketPath, path: `${pathname}${search}`, method, headers, ...(signal && { signal }) },
          (answer) => {
            responseOf(answer).then(resolve, reject);
          },
        );
        sent.on('error', reject);
        sent.end(typeof body === 'string' ? body : undefined);
      });
    } catch (error) {
      signal?.throwIfAborted();
      const reason = systemFailureText(errorCode(error) ?? '') ?? errorText(error);
      throw new Error(`${socketPath}: ${reason}`);
    }
  };
}

async function responseOf(answer: IncomingMessage): Promise<Response> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    pieces.push(piece);
    size += piece.length;
    if (size > longestAnswer) throw new Error('its answer is larger than 4 MiB');
  }
  const text = Buffer.concat(pieces).toString();
  return new Response(text === '' ? null : text, { status: answer.statusCode ?? 0 });
}
