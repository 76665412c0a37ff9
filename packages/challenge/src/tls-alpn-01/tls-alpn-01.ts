import { once } from 'node:events';
import { type AddressInfo, isIPv4, type Socket } from 'node:net';
import { connect, createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type * as certificate from '@acmex/certificate';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { type Identifier, keyAuthorizationDigest } from '@acmex/protocol';
import { ChallengeError } from '../errors.ts';
import { inTurn, listening } from '../port.ts';

export interface TlsAlpn01Options {
  /** 443 by default, where every CA asks. */
  readonly port?: number;
  /** The address to listen on; all of IPv6 and IPv4 by default. */
  readonly host?: string;
  readonly clock?: Clock;
}

/** What is shown for one tls-alpn-01 challenge: a digest, to who asks for the name. */
export type TlsAlpn01Response = { readonly identifier: Identifier & { readonly [member: string]: unknown }; readonly digest: string };

interface Shown {
  readonly context: SecureContext;
  readonly digest: string;
}

const protocol = 'acme-tls/1';

/**
 * Proves names and addresses on the TLS port, by certificates that hold the answer. RFC 8737, RFC 8738 §6. One listener
 * serves any number of names; it opens with the first and is gone with the last, speaks TLS 1.2 or later, and no protocol but `acme-tls/1`.
 * @throws ChallengeError `ERR_CHALLENGE_PORT_IN_USE`, `…_PORT_DENIED`, `…_LISTEN`, and `…_MODULE` where @acmex/certificate is not installed, by `present`
 */
export function tlsAlpn01({ port = 443, host, clock = systemClock }: TlsAlpn01Options = {}): ChallengeSolver<TlsAlpn01Response> {
  const live = new Map<string, Shown>();
  const sockets = new Set<Socket>();
  const turn = inTurn();
  let server: Server | undefined;
  const make = () => serverFor((name) => live.get(name)?.context, sockets);

  return {
    type: 'tls-alpn-01',
    supports: ({ type }, wildcard) => !wildcard && (type === 'dns' || type === 'ip'),
    async respond({ identifier, keyAuthorization }) {
      return { identifier: { type: identifier.type, value: identifier.value }, digest: (await keyAuthorizationDigest(keyAuthorization)).base64url };
    },
    present: ({ identifier, digest }, { signal } = {}) => turn(async () => {
      signal?.throwIfAborted();
      const context = await contextFor(identifier, digest, clock);
      server ??= await listening(make, { port, host });
      live.set(serverName(identifier), { context, digest });
    }),
    async visible({ identifier, digest }, { signal } = {}) {
      const shown = live.get(serverName(identifier))?.digest === digest && server
        ? await withTimeLimit({ clock, limit: 'PT5S', signal }, (limited) => extensionAt(server?.address() as AddressInfo, serverName(identifier), limited)).catch(() => undefined)
        : undefined;
      signal?.throwIfAborted();
      if (!shown?.includes(Buffer.from(digest, 'base64url'))) throw new ChallengeError('ERR_CHALLENGE_NOT_VISIBLE', `port ${port} of this machine does not show the certificate that was put there: check what else serves the port`);
    },
    remove: ({ identifier }) => turn(async () => {
      live.delete(serverName(identifier));
      if (live.size > 0 || !server) return;
      const closing = server;
      server = undefined;
      const closed = once(closing, 'close');
      closing.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    }),
  };
}

/** What the CA sends as server name: the name, or for an address its reverse name. RFC 8738 §6 */
export function serverName({ type, value }: Identifier): string {
  if (type !== 'ip') return value;
  if (isIPv4(value)) return `${value.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = [], tail = []] = value.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail];
  return `${[...groups.map((group) => group.padStart(4, '0')).join('')].reverse().join('.')}.ip6.arpa`;
}

function serverFor(contextOf: (name: string) => SecureContext | undefined, sockets: Set<Socket>): Server {
  const server = createServer({
    minVersion: 'TLSv1.2',
    ALPNProtocols: [protocol],
    handshakeTimeout: 10_000,
    SNICallback: (name, done) => {
      const context = contextOf(name.toLowerCase());
      // Without a context the handshake fails: there is nothing to show under another name.
      if (context) done(null, context);
      else done(new Error('no such name'));
    },
  });
  server.maxConnections = 500;
  server.on('connection', (socket: Socket) => { sockets.add(socket); socket.once('close', () => sockets.delete(socket)); });
  server.on('secureConnection', (socket: TLSSocket) => { socket.on('error', () => { /* the CA has seen what it came for */ }).end(); });
  server.on('tlsClientError', (_, socket: TLSSocket) => socket.destroy());
  return server;
}

/** A certificate of the name with the digest in its critical acmeIdentifier extension. RFC 8737 §3 */
async function contextFor(identifier: Identifier, digest: string, clock: Clock): Promise<SecureContext> {
  const { createSelfSigned, privateKeyPem, webcrypto } = await certificatePackage();
  const key = await webcrypto().generate('ec-p256');
  const value = Uint8Array.from([0x04, 0x20, ...Buffer.from(digest, 'base64url')]);   // OCTET STRING of 32 bytes
  const cert = await createSelfSigned({ identifiers: [identifier], key, extensions: [{ oid: '1.3.6.1.5.5.7.1.31', critical: true, value }], clock });
  return createSecureContext({ cert, key: Buffer.from(await privateKeyPem(key)) });
}

async function certificatePackage(): Promise<typeof certificate> {
  try {
    return await import('@acmex/certificate');
  } catch (cause) {
    throw new ChallengeError('ERR_CHALLENGE_MODULE', 'tls-alpn-01 makes certificates with @acmex/certificate, which is not installed: npm install @acmex/certificate', { cause });
  }
}

/** The certificate that the listener shows for a name, as bytes. */
async function extensionAt({ address, port }: AddressInfo, servername: string, signal: AbortSignal): Promise<Buffer> {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  // It is our own certificate that is looked at, and no one's trust depends on it.
  const socket = connect({ host, port, servername, ALPNProtocols: [protocol], rejectUnauthorized: false });
  const stop = () => socket.destroy(new Error('stopped'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().raw;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}
