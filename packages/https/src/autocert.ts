import { EventEmitter } from 'node:events';
import type { RequestListener } from 'node:http';
import type { Server as TlsServer, TlsOptions } from 'node:tls';
import { systemClock } from '@acmex/clock';
import type { CertificateStatus } from './certificate-status.ts';
import type { ServedCertificate } from './contexts.ts';
import { listenForHttp, type Listening, listenOn, redirectTo } from './listen.ts';
import { type AutocertOptions, type Place, placeOf } from './options.ts';
import { productionSource } from './production.ts';
import { Servers } from './servers.ts';
import type { CertificateSource } from './source.ts';
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
  /** For `https.createServer`, and for what takes its options. See `attach`. */
  readonly options: TlsOptions;
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
   * and `http`, or are bound to these ports. It is the only part that reads the environment, and
   * removes `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` from it.
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
 * @throws HttpsError `ERR_HTTPS_OPTION`; StorageError where the storage cannot be used
 */
export async function autocert(options: AutocertOptions): Promise<Autocert> {
  const { clock = systemClock } = options;
  const place = placeOf(options);
  const events = new EventEmitter();
  const servers = new Servers(clock);
  try {
    const source = await productionSource({
      ...{ options, place, clock, servers },
      onServed({ names, notAfter, serialNumber }) {
        events.emit('certificate', { names, notAfter, serialNumber });
      },
      onError(error) {
        if (events.listenerCount('error') > 0) events.emit('error', error);
        else console.error('autocert:', error instanceof Error ? error.message : error);
      },
    });
    return assembled({ source, servers, events, place });
  } catch (error) {
    servers.close();
    throw error;
  }
}

function assembled({
  source,
  servers,
  events,
  place,
}: {
  readonly source: CertificateSource;
  readonly servers: Servers;
  readonly events: EventEmitter;
  readonly place: Place;
}): Autocert {
  const attach = (server: TlsServer) => servers.attach(server);
  const http = (handler = redirectTo(place.https)): RequestListener => {
    return (request, response) => {
      if (!source.answer(request, response)) handler(request, response);
    };
  };
  const plain: AsyncDisposable[] = [];
  const tls: Autocert = {
    get options() {
      return { ...servers.options, ...tlsOptions(source, ['http/1.1']) };
    },
    get http2Options() {
      return {
        ...servers.options,
        ...tlsOptions(source, ['h2', 'http/1.1']),
        allowHTTP1: true as const,
      };
    },
    http,
    async listenHttp(handler) {
      plain.push(await listenForHttp(http(handler), place));
    },
    async listen(app) {
      const { env: environment, pid } = process;
      const listening = await listenOn(app, {
        ...{ tls: tls.options, http: http(), place, environment, pid },
      });
      attach(listening.https);
      return listening;
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
      for (const listening of plain.splice(0)) await listening[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
      servers.close();
    },
  };
  return tls;
}
