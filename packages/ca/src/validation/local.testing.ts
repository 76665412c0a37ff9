import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { addressPolicy, type Egress } from '@acmex/egress';

/** Every name is this machine, which tests can reach. */
export const here: Egress = {
  policy: addressPolicy({ allow: ['127.0.0.0/8', '::1'] }),
  resolver: async () => ['127.0.0.1'],
};

/** Any server on a free port, closed with all its connections. */
export async function listening<T extends Server>(server: T, host = '127.0.0.1') {
  await once(server.listen(0, host), 'listening');
  const sockets: { destroy(): void }[] = [];
  server.on('connection', (socket) => {
    sockets.push(
      socket.on('error', () => {
        /* the test ended it */
      }),
    );
  });
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
