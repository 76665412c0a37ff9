import { EventEmitter } from 'node:events';
import type { RequestListener } from 'node:http';
import type { Server as TlsServer, TlsOptions } from 'node:tls';
import { systemClock } from '@acmex/clock';
import type { CertificateStatus } from './certificate-status.ts';
import type { ServedCertificate } from './contexts.ts';
import { listenForHttp, type Listening, listenOn, redirectTo, urlOf } from './listen.ts';
import { type AutocertOptions, type Place, placeOf } from './options.ts';
import type { Environment } from './passed-sockets.ts';
import { Servers } from './servers.ts';
import type { CertificateSource, SourceContext } from './source.ts';
import { tlsOptions } from './tls-options.ts';

/** What `autocert` reports. */
export interface AutocertEvents {
  /** A certificate is served from now on: a first one, or a renewed one. */
  certificate: [Pick<ServedCertificate, 'names' | 'notAfter' | 'serialNumber'>];
  /**
   * Something has failed and is tried again, or a client asked for a name that is not permitted. A
   * certificate that is not renewed is served on, and reported 14, 7, 3 and 1 days before its end,
   * less where it is short-lived, and each day after it.
   */
  error: [unknown];
}

/** HTTPS with certificates that are obtained and renewed while the program runs. */
export interface Autocert extends AsyncDisposable {
  /**
   * For `https.createServer`, and for what takes its options. See `attach`. Its type leaves out
   * `SNICallback`, which it has, because frameworks such as Nest declare that in a type of their own.
   */
  readonly options: Omit<TlsOptions, 'SNICallback'>;
  /** For `http2.createSecureServer`; HTTP/1.1 is for clients without HTTP/2. See `attach`. */
  readonly http2Options: TlsOptions & { readonly allowHTTP1: true };
  /**
   * Returns what port 80 answers: challenges by itself, and everything else by `handler`; by a
   * redirect to HTTPS by default.
   */
  http(handler?: RequestListener): RequestListener;
  /**
   * Answers port 80 as `http` does, beside a server of your own, until this is disposed of.
   * @throws HttpsError `ERR_HTTPS_LISTEN`
   */
  listenHttp(handler?: RequestListener): Promise<void>;
  /**
   * Listens on the two ports, or on the sockets that systemd has passed: those that are named `https`
   * and `http`, or are bound to these ports. It removes `LISTEN_FDS`, `LISTEN_PID` and
   * `LISTEN_FDNAMES` from the environment.
   * @throws HttpsError `ERR_HTTPS_LISTEN`
   */
  listen(app: RequestListener): Promise<Listening>;
  /**
   * Keeps current what a server with `options` or `http2Options` presents to clients without a
   * server name, and the keys of its session tickets. `listen` does it by itself.
   * @throws HttpsError `ERR_HTTPS_OPTION` where the server does not serve HTTPS
   */
  attach(server: TlsServer): void;
  /**
   * Returns what a health check shows of each certificate of the storage, in the order of their
   * creation.
   */
  status(): Promise<readonly CertificateStatus[]>;
  /**
   * Resolves when a certificate of the CA is served for each of `names`; without `names` at once. A
   * failure does not end it: it is tried again, and `error` reports it. Set a time limit by `signal`.
   * @throws HttpsError `ERR_HTTPS_CLOSED` where it is disposed of before; the reason of the signal
   */
  ready(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Without a listener of `error`, failures are written to the standard error output. */
  on<E extends keyof AutocertEvents>(
    event: E,
    listener: (...args: AutocertEvents[E]) => void,
  ): this;
  off<E extends keyof AutocertEvents>(
    event: E,
    listener: (...args: AutocertEvents[E]) => void,
  ): this;
}

/**
 * Obtains and renews the certificates of names, or of the names that clients ask for, and serves
 * them. Returns before they are issued: until then a self-signed certificate is served, and the CA
 * need not work. Any number of processes can share a storage: one of them obtains a certificate, and
 * all serve it within a second.
 *
 * Without `NODE_ENV=production`, serves localhost and the machine with certificates of the local CA
 * of the user instead: see `development`.
 * @throws HttpsError `ERR_HTTPS_OPTION`; StorageError where the storage cannot be used; in development
 * LocalCaError where the local CA cannot be used
 */
export async function autocert(options: AutocertOptions = {}): Promise<Autocert> {
  // No other part of this package reads the environment.
  const { env: environment, pid } = process;
  const { clock = systemClock, development = environment.NODE_ENV !== 'production' } = options;
  const place = placeOf(options, { isDevelopment: development });
  const events = new EventEmitter();
  const servers = new Servers(clock, options.watch?.onHandshake);
  let start = () => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  // A listener that throws ends no work of this package, and there may be none before the return.
  const emitApart = (emit: () => void) => void started.then(() => setImmediate(emit));
  try {
    const source = await openSource(development ? 'development' : 'production', {
      ...{ options, place, clock, servers },
      onServed({ names, notAfter, serialNumber }) {
        emitApart(() => events.emit('certificate', { names, notAfter, serialNumber }));
      },
      onError: (error) =>
        emitApart(() => {
          if (events.listenerCount('error') > 0) events.emit('error', error);
          else console.error('autocert:', error instanceof Error ? error.message : error);
        }),
    });
    return assembled({ source, servers, events, place, environment, pid });
  } catch (error) {
    servers.close();
    throw error;
  } finally {
    start();
  }
}

/** Each mode loads only what it uses. */
async function openSource(
  mode: 'development' | 'production',
  context: SourceContext,
): Promise<CertificateSource> {
  if (mode === 'production')
    return await (await import('./production.ts')).productionSource(context);
  return await (await import('./development.ts')).developmentSource(context);
}

function assembled({
  source,
  servers,
  events,
  place,
  ...processState
}: {
  readonly source: CertificateSource;
  readonly servers: Servers;
  readonly events: EventEmitter;
  readonly place: Place;
  readonly environment: Environment;
  readonly pid: number;
}): Autocert {
  const optionsFor = (protocols: readonly string[]) => ({
    ...servers.options,
    ...tlsOptions(source, protocols),
  });
  const { attach, httpsPort } = attacherOf({ source, servers, place });
  const plain = plainServers({ source, place, httpsPort });
  const tls: Autocert = {
    get options() {
      return optionsFor(['http/1.1']);
    },
    get http2Options() {
      return { ...optionsFor(['h2', 'http/1.1']), allowHTTP1: true as const };
    },
    http: plain.http,
    listenHttp: plain.listenHttp,
    async listen(app) {
      const listening = await listenOn(app, {
        ...{ tls: tls.options, http: plain.http(), attach, place, ...processState },
      });
      return { ...listening, url: urlOf(source.name, httpsPort()) };
    },
    attach,
    status: async () => await source.status(),
    ready: async ({ signal } = {}) => await source.ready(signal),
    on(event, listener) {
      events.on(event, listener);
      return tls;
    },
    off(event, listener) {
      events.off(event, listener);
      return tls;
    },
    async [Symbol.asyncDispose]() {
      await plain.close();
      await source[Symbol.asyncDispose]();
      servers.close();
    },
  };
  return tls;
}

/** Returns what answers plain HTTP. */
function plainServers({
  source,
  place,
  httpsPort,
}: {
  readonly source: CertificateSource;
  readonly place: Place;
  readonly httpsPort: () => number;
}): Pick<Autocert, 'http' | 'listenHttp'> & { close(): Promise<void> } {
  const open: AsyncDisposable[] = [];
  const http: Autocert['http'] = (handler = redirectTo(httpsPort)) => {
    return (request, response) => {
      if (!source.answer(request, response)) handler(request, response);
    };
  };
  return {
    http,
    async listenHttp(handler) {
      open.push(await listenForHttp(http(handler), place));
    },
    async close() {
      for (const listening of open.splice(0)) await listening[Symbol.asyncDispose]();
    },
  };
}

/** Returns what keeps servers current, and the port where clients reach them. */
function attacherOf({
  source,
  servers,
  place,
}: {
  readonly source: CertificateSource;
  readonly servers: Servers;
  readonly place: Place;
}): { readonly attach: (server: TlsServer) => void; readonly httpsPort: () => number } {
  let httpsPort = place.https;
  const onListening = (server: TlsServer) => {
    httpsPort = portOf(server, place);
    source.onListening?.(urlOf(source.name, httpsPort));
  };
  return {
    attach(server) {
      servers.attach(server);
      if (server.listening) onListening(server);
      else server.once('listening', () => onListening(server));
    },
    httpsPort: () => httpsPort,
  };
}

/** Returns the port of clients: a program says it where it differs from that of the server. */
function portOf(server: TlsServer, { https, alternatives }: Place): number {
  const address = server.address();
  const isFree = https === 0 || alternatives?.https !== undefined;
  return isFree && typeof address === 'object' && address ? address.port : https;
}
