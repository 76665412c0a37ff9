import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Issuer } from '../authority/issuer.ts';
import { CaError } from '../errors.ts';
import type { Handler } from '../handler.ts';
import { nodeHandler } from '../node-handler.ts';
import { type AcmeServer, acmeServer, type AcmeServerOptions } from '../server.ts';
import { serverCertificate } from '../server-certificate.ts';

export interface ServeAcmeOptions extends Omit<AcmeServerOptions, 'url'> {
  /** Wraps the ACME server's handler, for example with `withFaults`. */
  readonly wrap?: (handler: Handler) => Handler;
}

export interface ListenOptions {
  /** Name or address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /** A free one by default. */
  readonly port?: number;
  /** The name of the default `url`; `host` by default. */
  readonly hostname?: string;
  /** The URL that clients use; `https://HOSTNAME:PORT/acme` by default. */
  readonly url?: string | undefined;
  /**
   * PEM. By default the CA issues the server's certificate, and renews it after half of its life.
   */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly limits?: Partial<ConnectionLimits>;
  /**
   * Times the certificate of the HTTPS server. `systemClock` by default: TLS clients check it by
   * the real time.
   */
  readonly clock?: Clock;
}

/** What a client may use of the HTTPS server. A connection that exceeds a time is closed. */
export interface ConnectionLimits {
  /** For a TLS handshake; 10 seconds by default. */
  readonly handshakeTimeout: DurationInput;
  /** Until the headers of a request are complete; 10 seconds by default. */
  readonly headersTimeout: DurationInput;
  /** Until a request with its body is complete; 30 seconds by default. */
  readonly requestTimeout: DurationInput;
  /** Between two requests of one connection; 5 seconds by default. */
  readonly keepAliveTimeout: DurationInput;
  /**
   * Without any byte in either direction, for example while a client does not read its response; 2
   * minutes by default.
   */
  readonly idleTimeout: DurationInput;
  /** Connections at once; 1000 by default. Further connections are closed. */
  readonly maxConnections: number;
}

/**
 * An ACME server that listens. Disposing of it closes its connections and ends its background work.
 */
export interface RunningAcmeServer extends AsyncDisposable {
  /** The URL of the ACME directory. */
  readonly directory: string;
  readonly port: number;
}

/**
 * Serves a CA's ACME server over HTTPS. Clients that are slow or idle lose their connection: see
 * `ConnectionLimits`.
 * @throws CaError `ERR_CA_LISTEN` when the address or port cannot be used; `ERR_CA_CONSTRAINTS`
 * when the CA may not issue for the name of its own server; and what `acmeServer` throws
 */
export async function serveAcme(
  { wrap = (handler) => handler, ...options }: ServeAcmeOptions,
  { host = '127.0.0.1', port = 0, hostname = host, ...listen }: ListenOptions = {},
): Promise<RunningAcmeServer> {
  const server = limitedServer({ ...defaultLimits, ...listen.limits });
  const sockets = trackedSockets(server);
  const boundPort = await listenOn(server, host, port);
  const url = listen.url ?? `https://${urlHost(hostname)}:${boundPort}/acme`;
  const closing = new AbortController();
  let acme: AcmeServer | undefined;
  const close = async () => {
    closing.abort();
    server.close();
    for (const socket of sockets) socket.destroy();
    await acme?.[Symbol.asyncDispose]();
  };
  try {
    if (listen.tls) server.setSecureContext({ cert: listen.tls.certificate, key: listen.tls.key });
    else
      await keepCertificateValid(server, {
        issuer: options.issuer,
        url,
        clock: listen.clock ?? systemClock,
        signal: closing.signal,
        onError: options.onError,
      });
    acme = acmeServer({ ...options, url });
    server.on('request', nodeHandler(wrap(acme.handler)));
    return { directory: acme.directory, port: boundPort, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

const defaultLimits: ConnectionLimits = {
  handshakeTimeout: { seconds: 10 },
  headersTimeout: { seconds: 10 },
  requestTimeout: { seconds: 30 },
  keepAliveTimeout: { seconds: 5 },
  idleTimeout: { minutes: 2 },
  maxConnections: 1000,
};

/**
 * Returns a server that does not listen yet. Node.js checks the two times of a request at an
 * interval: one tenth of the shorter time.
 */
function limitedServer(limits: ConnectionLimits): Server {
  const headersTimeout = milliseconds(limits.headersTimeout);
  const requestTimeout = milliseconds(limits.requestTimeout);
  const server = createServer({
    handshakeTimeout: milliseconds(limits.handshakeTimeout),
    headersTimeout,
    requestTimeout,
    keepAliveTimeout: milliseconds(limits.keepAliveTimeout),
    connectionsCheckingInterval: Math.ceil(Math.min(headersTimeout, requestTimeout) / 10),
  });
  server.timeout = milliseconds(limits.idleTimeout);
  server.maxConnections = limits.maxConnections;
  return server;
}

/**
 * Returns the open connections, also those whose TLS handshake is not complete, which
 * `closeAllConnections` would leave open.
 */
function trackedSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

interface CertificateMaintenance {
  readonly issuer: Issuer;
  readonly url: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onError: AcmeServerOptions['onError'];
}

/** Milliseconds until a failed renewal is tried again. */
const renewalRetryMs = 60_000;

/** Gives the server a certificate, and a new one after half of its life until the signal aborts. */
async function keepCertificateValid(
  server: Server,
  { issuer, url, clock, signal, onError }: CertificateMaintenance,
): Promise<void> {
  const names = namesOf(url, issuer);
  const renew = async () => {
    const { chain, key, notAfter } = await serverCertificate({ issuer, names, url, clock });
    server.setSecureContext({ cert: chain, key: Buffer.from(key) });
    return clock.now().until(notAfter).total('milliseconds') / 2;
  };
  let pause = await renew();
  const renewRepeatedly = async () => {
    for (;;) {
      await clock.sleep({ milliseconds: Math.max(1000, Math.floor(pause)) }, { signal });
      pause = await renew().catch((error: unknown) => {
        onError({
          during: "renewing the server's own certificate",
          correlationId: 'own-certificate',
          error,
        });
        return renewalRetryMs;
      });
    }
  };
  void renewRepeatedly().catch(() => {
    /* the signal has aborted, or `onError` itself has thrown */
  });
}

const loopbackNames = ['localhost', '127.0.0.1'];

/**
 * Returns the host of the URL; on this machine also the other loopback name, where the issuer
 * permits it.
 */
function namesOf(url: string, issuer: Issuer): readonly string[] {
  const name = new URL(url).hostname.replace(/^\[|\]$/g, '');
  if (!loopbackNames.includes(name)) return [name];
  const permitted = loopbackNames.filter(
    (candidate) =>
      candidate !== name &&
      issuer.permits({ type: candidate === 'localhost' ? 'dns' : 'ip', value: candidate }),
  );
  return [name, ...permitted];
}

function urlHost(hostname: string): string {
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it; stop that program, or use another port',
  EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE; use a higher port',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** @returns the port */
async function listenOn(server: Server, host: string, port: number): Promise<number> {
  try {
    await once(server.listen({ host, port }), 'listening');
    return (server.address() as AddressInfo).port;
  } catch (cause) {
    const reason = listenFailures[errorCode(cause) ?? ''] ?? String(cause);
    throw new CaError('ERR_CA_LISTEN', `cannot listen on ${host} port ${port}: ${reason}`, {
      cause,
    });
  }
}
