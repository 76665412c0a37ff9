import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { addressPolicy, type Egress } from '@acmex/egress';
import dnsPacket, { type Answer } from 'dns-packet';

/** Every name is this machine, which tests can reach. */
export const here: Egress = {
  policy: addressPolicy({ allow: ['127.0.0.0/8', '::1'] }),
  resolver: async () => ['127.0.0.1'],
};

/** Answers by question, as `TXT a.test`; a number is an RCODE. What is not there does not exist. */
export type Zone = Readonly<Record<string, readonly Answer[] | number>>;

/** A name server with exactly these answers, which writes down what it was asked. */
export async function dnsServer(zone: Zone) {
  const asked: string[] = [];
  const socket = createSocket('udp4', (message: Buffer, { port, address }: RemoteInfo) => {
    const { id, questions = [] } = dnsPacket.decode(message);
    const [question] = questions.map(({ type, name }) => `${type} ${name}`);
    asked.push(question ?? '');
    const answer = zone[question ?? ''] ?? 3;
    const flags = dnsPacket.AUTHORITATIVE_ANSWER | (typeof answer === 'number' ? answer : 0);
    socket.send(
      dnsPacket.encode({
        type: 'response',
        id,
        flags,
        questions,
        answers: typeof answer === 'number' ? [] : [...answer],
      }),
      port,
      address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

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
