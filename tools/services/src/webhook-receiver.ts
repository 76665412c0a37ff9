import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createRequire } from 'node:module';

/** A request that a receiver has received. */
export interface ReceivedWebhook {
  /** Its header `webhook-id`. */
  readonly id: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookReceiver extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT/…`, with a credential in its path. */
  readonly url: string;
  /** In the order of their ends. */
  readonly received: ReceivedWebhook[];
  /** Answers each request; with 204 until it is set. */
  answer: (response: ServerResponse, request: ReceivedWebhook) => void;
  /** Resolves when the next request has been received. */
  next(): Promise<unknown>;
  /** Resolves when this number of requests has been received, earlier ones included. */
  until(count: number): Promise<void>;
  /** Resolves when the next connection has been closed, by either side. */
  closed(): Promise<void>;
}

/** Starts a real receiver of webhooks on this machine. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  const state: Pick<WebhookReceiver, 'answer'> = {
    answer: (response) => void response.writeHead(204).end(),
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      const { headers, url: path = '' } = request;
      const complete = { id: String(headers['webhook-id']), path, headers, body };
      received.push(complete);
      state.answer(response, complete);
      server.emit('received');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    received,
    port,
    url: `http://127.0.0.1:${port}/hooks/t0ken-in-url`,
    next: async () => await once(server, 'received'),
    async until(count: number) {
      while (received.length < count) await once(server, 'received');
    },
    async closed() {
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

/** The part that tests use of the library that the authors of Standard Webhooks publish. */
export interface StandardWebhook {
  /** Returns the payload. @throws Error where the signature is not valid */
  verify(body: string, headers: IncomingHttpHeaders): unknown;
  sign(id: string, at: Date, body: string): string;
}

/** Returns what verifies signatures with a secret, as `whsec_…`, by an implementation of others. */
export function standardWebhook(secret: string): StandardWebhook {
  // It is CommonJS, and only loaded by the tests that use it.
  const { Webhook } = createRequire(import.meta.url)('standardwebhooks') as {
    readonly Webhook: new (secret: string) => StandardWebhook;
  };
  return new Webhook(secret);
}
