import { once } from 'node:events';
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server as PlainServer,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import {
  type Clock,
  type DurationInput,
  milliseconds,
  settledWithin,
  systemClock,
} from '@acmex/clock';
import { listenFailureText } from '@acmex/errors';
import { formatHostPort } from '@acmex/identifier';
import type { Issuer, Issuers } from '../authority/issuer.ts';
import { CaError } from '../errors.ts';
import type { Handler } from '../handler.ts';
import { nodeHandler } from '../node-handler.ts';
import { acmeServer, type AcmeServerOptions } from '../server.ts';
import { serverCertificate } from '../server-certificate.ts';

export interface ServeAcmeOptions extends Omit<AcmeServerOptions, 'url' | 'repositoryUrl'> {
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
  /**
   * Serves the issuer's certificate, the CRL and OCSP responses (if `ocsp` is on) over plain http on
   * another port, too; certificates name this port. By default, they name `url`.
   */
  readonly repository?: RepositoryListenOptions | undefined;
  readonly limits?: Partial<ConnectionLimits>;
  /**
   * Times the certificate of the HTTPS server. `systemClock` by default: TLS clients check it by
   * the real time.
   */
  readonly clock?: Clock;
}

export interface RepositoryListenOptions {
  /** That of the ACME server by default. */
  readonly host?: string | undefined;
  /** A free one by default. */
  readonly port?: number;
  /** The URL that clients use; `http://HOST:PORT` with the host of `url` by default. */
  readonly url?: string | undefined;
}

/** What a client may use of the servers. A connection that exceeds a time is closed. */
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
 * An ACME server that listens. Disposing of it answers the requests that it is handling, for at most
 * 10 seconds, closes its connections and ends its background work.
 */
export interface RunningAcmeServer extends AsyncDisposable {
  /** The URL of the ACME directory. */
  readonly directory: string;
  /** Where certificates say that the issuer's certificate and the CRL are. */
  readonly repositoryUrl: string;
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
  const limits = { ...defaultLimits, ...listen.limits };
  const open: AsyncDisposable[] = [];
  const close = async () => {
    for (const resource of open.reverse()) await resource[Symbol.asyncDispose]();
  };
  try {
    const server = createSecureServer(timeoutsOf(limits));
    const https = await listenOn(server, { host, port, limits });
    open.push(https);
    const url =
      listen.url ?? `https://${formatHostPort({ host: hostname, port: https.port })}/acme`;
    const repository = await repositoryServer(listen.repository, { host, url, limits });
    if (repository) open.push(repository);
    const repositoryUrl = repository?.url ?? url;
    const closing = new AbortController();
    open.push({ [Symbol.asyncDispose]: async () => closing.abort() });
    if (listen.tls) server.setSecureContext({ cert: listen.tls.certificate, key: listen.tls.key });
    else
      await keepCertificateValid(server, {
        issuers: options.presentIssuers ?? (async () => options),
        url,
        repositoryUrl,
        clock: listen.clock ?? systemClock,
        signal: closing.signal,
        onError: options.onError,
      });
    const acme = acmeServer({ ...options, url, repositoryUrl });
    // Closed last, when no request can come.
    open.unshift(acme);
    https.serve(wrap(acme.handler));
    repository?.serve(acme.repository);
    return {
      directory: acme.directory,
      repositoryUrl,
      port: https.port,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Listens for those who fetch the issuer's certificate and the CRL. */
async function repositoryServer(
  options: RepositoryListenOptions | undefined,
  {
    host,
    url,
    limits,
  }: { readonly host: string; readonly url: string; readonly limits: ConnectionLimits },
) {
  if (!options) return undefined;
  const server = createPlainServer(timeoutsOf(limits));
  const listening = await listenOn(server, {
    host: options.host ?? host,
    port: options.port ?? 0,
    limits,
  });
  const suffix = listening.port === 80 ? '' : `:${listening.port}`;
  return {
    ...listening,
    url: options.url ?? `http://${new URL(url).hostname}${suffix}`,
  };
}

const defaultLimits: ConnectionLimits = {
  handshakeTimeout: { seconds: 10 },
  headersTimeout: { seconds: 10 },
  requestTimeout: { seconds: 30 },
  keepAliveTimeout: { seconds: 5 },
  idleTimeout: { minutes: 2 },
  maxConnections: 1000,
};

/** Node.js checks the two times of a request at an interval: one tenth of the shorter time. */
function timeoutsOf(limits: ConnectionLimits) {
  const headersTimeout = milliseconds(limits.headersTimeout);
  const requestTimeout = milliseconds(limits.requestTimeout);
  return {
    handshakeTimeout: milliseconds(limits.handshakeTimeout),
    headersTimeout,
    requestTimeout,
    keepAliveTimeout: milliseconds(limits.keepAliveTimeout),
    connectionsCheckingInterval: Math.ceil(Math.min(headersTimeout, requestTimeout) / 10),
  };
}

/**
 * Returns the open connections, also those whose TLS handshake is not complete, which
 * `closeAllConnections` would leave open.
 */
function trackedSockets(server: Server | PlainServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

interface CertificateMaintenance {
  readonly issuers: () => Promise<Issuers>;
  readonly url: string;
  readonly repositoryUrl: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onError: AcmeServerOptions['onError'];
}

/** Milliseconds until a failed renewal is tried again. */
const renewalRetryMs = 60_000;

/** Gives the server a certificate, and a new one after half of its life until the signal aborts. */
async function keepCertificateValid(
  server: Server,
  { issuers, url, repositoryUrl, clock, signal, onError }: CertificateMaintenance,
): Promise<void> {
  const renew = async () => {
    const { issuer } = await issuers();
    const { chain, key, notAfter } = await serverCertificate({
      issuer,
      names: namesOf(url, issuer),
      repositoryUrl,
      clock,
    });
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

/**
 * How long a server that is closed waits for the requests that it is handling. A handler continues
 * when its client has gone, and its writes must be over before the storage is closed.
 */
const drainTime = { seconds: 10 };

interface Listening extends AsyncDisposable {
  readonly port: number;
  serve(handler: Handler): void;
}

/** @throws CaError `ERR_CA_LISTEN` */
async function listenOn(
  server: Server | PlainServer,
  {
    host,
    port,
    limits,
  }: { readonly host: string; readonly port: number; readonly limits: ConnectionLimits },
): Promise<Listening> {
  server.timeout = milliseconds(limits.idleTimeout);
  server.maxConnections = limits.maxConnections;
  const sockets = trackedSockets(server);
  const running = new Set<Promise<unknown>>();
  try {
    await once(server.listen({ host, port }), 'listening');
  } catch (cause) {
    const reason = listenFailureText(cause);
    throw new CaError('ERR_CA_LISTEN', `cannot listen on ${host} port ${port}: ${reason}`, {
      cause,
    });
  }
  return {
    port: (server.address() as AddressInfo).port,
    serve(handler) {
      const handle = nodeHandler(handler);
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        const closed = once(response, 'close');
        const requestHandled = Promise.allSettled([handle(request, response), closed]);
        running.add(requestHandled);
        void requestHandled.then(() => running.delete(requestHandled));
      });
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      await settledWithin(drainTime, running, systemClock);
      for (const socket of sockets) socket.destroy();
    },
  };
}
