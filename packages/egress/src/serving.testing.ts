import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { addressPolicy } from './index.ts';

/** Loopback is what tests can reach. */
export const loopback = addressPolicy({ allow: ['127.0.0.0/8', '::1'] });

export async function listening<T extends Server>(server: T) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
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
    /** How many connections there were. */
    get connections() {
      return sockets.length;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

export const serving = (listener: RequestListener) => listening(createServer(listener));

/** A server for one name, and the certificate that who trusts it has to know. */
export async function servingSecurely(name: string, listener: RequestListener) {
  const key = await webcrypto().generate('ec-p256');
  const cert = await createSelfSigned({ identifiers: [{ type: 'dns', value: name }], key });
  const names: unknown[] = [];
  const server = createSecureServer({ cert, key: Buffer.from(await privateKeyPem(key)) }, listener);
  server.on('secureConnection', (socket: { servername?: string }) => names.push(socket.servername));
  return Object.assign(await listening(server), { cert, names });
}
