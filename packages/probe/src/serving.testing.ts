import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions, TLSSocket } from 'node:tls';
import { createSelfSigned, parseCertificate, privateKeyPem, webcrypto } from '@acmex/certificate';
import { der } from '@acmex/certificate/structure';

/** A certificate with its key, PEM, and its DER. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
  readonly der: Buffer;
}

/** @param padding bytes of an extension without meaning */
export async function selfSigned(name: string, padding = 0): Promise<Pair> {
  const key = await webcrypto().generate('ec-p256');
  const value = der(0x04, Buffer.alloc(padding));
  const extensions = padding > 0 ? [{ oid: '1.3.6.1.4.1.55555.1', critical: false, value }] : [];
  const cert = await createSelfSigned({
    identifiers: [{ type: 'dns', value: name }],
    key,
    extensions,
  });
  return {
    cert,
    key: Buffer.from(await privateKeyPem(key)).toString(),
    der: Buffer.from(parseCertificate(cert).der),
  };
}

export interface Listening extends AsyncDisposable {
  readonly port: number;
}

export async function listening(server: Server, host = '127.0.0.1'): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket.on('error', () => undefined));
  });
  await once(server.listen(0, host), 'listening');
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

/** A TLS server that says nothing but what a handshake needs. */
export async function servingTls(options: TlsOptions, ocspResponse?: Buffer): Promise<Listening> {
  const server = createTlsServer(options, (socket) => socket.on('error', () => undefined));
  server.on('tlsClientError', () => undefined);
  if (ocspResponse)
    server.on('OCSPRequest', (_certificate, _issuer, respond: (e: null, r: Buffer) => void) =>
      respond(null, ocspResponse),
    );
  return await listening(server);
}

/** A server that reacts to a connection. */
export async function serving(react: (socket: Socket) => void): Promise<Listening> {
  return await listening(createServer(react));
}

/**
 * A strict double of a protocol with STARTTLS: it expects exactly these messages, says what follows
 * each, and then serves TLS. To any other message it answers `?` and closes.
 */
export async function servingStartTls(
  pair: Pair,
  greeting: string | Buffer,
  steps: readonly (readonly [expected: string | Buffer, answer: string | Buffer])[],
): Promise<Listening> {
  return await serving((socket) => {
    const remaining = steps.map((step) => step.map((text) => Buffer.from(text as string)));
    if (greeting.length > 0) socket.write(greeting);
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const [expected, answer] = remaining[0]!;
      if (received.length < expected!.length) return;
      if (!received.equals(expected!)) return void socket.end('?\r\n');
      received = Buffer.alloc(0);
      remaining.shift();
      if (remaining.length > 0) return void socket.write(answer!);
      socket.off('data', onData).pause();
      socket.write(answer!);
      const { cert, key } = pair;
      new TLSSocket(socket, { isServer: true, cert, key }).on('error', () => undefined);
    };
    socket.on('data', onData);
  });
}
