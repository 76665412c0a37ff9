import { once } from 'node:events';
import { type AddressInfo, isIPv4, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TLSSocket,
} from 'node:tls';
import type * as certificate from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { Identifier } from '@acmex/identifier';
import { ChallengeError } from '../errors.ts';
import { limitConnections } from '../port.ts';

const protocol = 'acme-tls/1';
const idleTimeoutMs = 15_000;

/** What the CA sends as server name: the name, or for an address its reverse name. RFC 8738 §6 */
export function serverName({ type, value }: Identifier): string {
  if (type !== 'ip') return value;
  if (isIPv4(value)) return `${value.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = [], tail = []] = value
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const groups = [
    ...head,
    ...Array.from({ length: 8 - head.length - tail.length }, () => '0'),
    ...tail,
  ];
  return `${[...groups.map((group) => group.padStart(4, '0')).join('')].reverse().join('.')}.ip6.arpa`;
}

/** Shows to who asks for a name what is to be shown for it, and speaks no protocol but ACME's. */
export function serverFor(
  contextOf: (name: string) => Promise<SecureContext | undefined>,
  sockets: Set<Socket>,
): Server {
  const server = createServer({
    minVersion: 'TLSv1.2',
    ALPNProtocols: [protocol],
    handshakeTimeout: 10_000,
    SNICallback: (name, done) => {
      // Without a context the handshake fails: there is nothing to show under another name.
      contextOf(name.toLowerCase()).then(
        (context) => (context ? done(null, context) : done(new Error('no such name'))),
        () => done(new Error('no such name')),
      );
    },
  });
  limitConnections(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    // A client that keeps its side open after the handshake, or sends nothing.
    socket.setTimeout(idleTimeoutMs, () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    socket
      .on('error', () => {
        /* the CA has seen what it came for */
      })
      .end();
  });
  server.on('tlsClientError', (_, socket: TLSSocket) => socket.destroy());
  return server;
}

/**
 * A certificate of the name with the digest in its critical acmeIdentifier extension. RFC 8737 §3
 */
export async function contextFor(
  identifier: Identifier,
  digest: string,
  clock: Clock,
): Promise<SecureContext> {
  const { createSelfSigned, privateKeyPem, webcrypto } = await certificatePackage();
  const key = await webcrypto().generate('ec-p256');
  const value = Uint8Array.from([0x04, 0x20, ...Buffer.from(digest, 'base64url')]); // OCTET STRING of 32 bytes
  const cert = await createSelfSigned({
    identifiers: [identifier],
    key,
    extensions: [{ oid: '1.3.6.1.5.5.7.1.31', critical: true, value }],
    clock,
  });
  return createSecureContext({ cert, key: Buffer.from(await privateKeyPem(key)) });
}

async function certificatePackage(): Promise<typeof certificate> {
  try {
    return await import('@acmex/certificate');
  } catch (cause) {
    throw new ChallengeError(
      'ERR_CHALLENGE_MODULE',
      'tls-alpn-01 makes certificates with @acmex/certificate, which is not installed: npm install @acmex/certificate',
      { cause },
    );
  }
}

/**
 * Returns the certificate that a server presents to `acme-tls/1` for a name, as bytes. Its
 * signature is not verified.
 * @param servername what `serverName` returns
 * @throws the error of the connection or of the handshake; the reason of the signal, if it is an
 * error
 */
export async function certificateAt(
  { address, port }: Pick<AddressInfo, 'address' | 'port'>,
  servername: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  // It is our own certificate that is looked at, and no one's trust depends on it.
  const socket = connect({
    host,
    port,
    servername,
    ALPNProtocols: [protocol],
    rejectUnauthorized: false,
  });
  const stop = () =>
    socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().raw;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

/** No client can make it wait: all connections are cut. */
export async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
