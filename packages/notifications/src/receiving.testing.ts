import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createRequire } from 'node:module';

/** A request that a receiver has received. */
export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Starts a real receiver on this machine, which answers 204 until `answer` is set. */
export async function receiver() {
  const received: Received[] = [];
  const state = {
    received,
    answer: (response: ServerResponse): void => {
      response.writeHead(204).end();
    },
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      const { headers } = request;
      received.push({ id: String(headers['webhook-id']), headers, body });
      state.answer(response);
      server.emit('received');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    port,
    url: `http://127.0.0.1:${port}/hooks/t0ken-in-url`,
    /** Resolves when the next request has been received. */
    next: async () => await once(server, 'received'),
    /** Resolves when the next connection has been closed, by either side. */
    async closed(): Promise<void> {
      const [socket] = (await once(server, 'connection')) as [Socket];
      await new Promise((resolve) => {
        socket.once('close', resolve).on('error', () => {
          /* the client has closed it */
        });
      });
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  });
}

/** The class of the library that the authors of Standard Webhooks publish; it is CommonJS. */
export const { Webhook } = createRequire(import.meta.url)('standardwebhooks') as {
  readonly Webhook: new (secret: string) => {
    verify(body: string, headers: IncomingHttpHeaders): unknown;
    sign(id: string, at: Date, body: string): string;
  };
};
