import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { limitConnections } from '../port.ts';

/** A server for unknown clients, with small limits. */
export function serverFor(listener: RequestListener): Server {
  // Without an interval of its own, Node looks for connections that are over their time only twice
  // a minute.
  const server = createServer(
    {
      headersTimeout: 5000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5000,
      connectionsCheckingInterval: 1000,
    },
    listener,
  );
  server.timeout = 30_000;
  server.maxHeadersCount = 50;
  limitConnections(server);
  return server;
}

/** No client can make it wait: all connections are cut. */
export async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
