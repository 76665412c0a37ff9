import { EventEmitter } from 'node:events';
import type { RequestListener } from 'node:http';
import type { Server as TlsServer, TlsOptions } from 'node:tls';
import { http01SharedHandler } from '@acmex/challenge/http-01';
import { tlsAlpn01Contexts } from '@acmex/challenge/tls-alpn-01';
import { type Clock, systemClock } from '@acmex/clock';
import { storedResponses } from '@acmex/manager';
import { Certificates } from './certificates.ts';
import type { ServedCertificate } from './contexts.ts';
import { type Listening, listenOn, redirectTo } from './listen.ts';
import { OnDemand } from './on-demand.ts';
import { type AutocertOptions, type Place, placeOf, storageFor, wantedNames } from './options.ts';
import { selfSigned, Servers } from './servers.ts';
import { ticketKeys } from './ticket-keys.ts';
import { type ServedNames, tlsOptions } from './tls-options.ts';

/** What `autocert` reports. */
export interface AutocertEvents {
  /** A certificate is served from now on: a first one, or a renewed one. */
  certificate: [Pick<ServedCertificate, 'names' | 'notAfter' | 'serialNumber'>];
  /** Something has failed and is tried again, or a client asked for a name that is not permitted. */
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
   * Listens on the two ports, or on the sockets that systemd has passed: those that are named `https`
   * and `http`, or are bound to these ports. It is the only part that reads the environment, and
   * removes `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` from it.
   * @throws HttpsError `ERR_HTTPS_LISTEN`
   */
  listen(app: RequestListener): Promise<Listening>;
  /**
   * Keeps current what a server with `options` or `http2Options` presents to clients without a
   * server name, and the keys of its session tickets. `listen` does it by itself.
   */
  attach(server: TlsServer): void;
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
  const lists = wantedNames(options);
  const { storage, isOwned } = storageFor(options);
  const { clock = systemClock } = options;
  const place = placeOf(options);
  const events = new EventEmitter();
  const report = (error: unknown) => {
    if (events.listenerCount('error') > 0) events.emit('error', error);
    else console.error('autocert:', error instanceof Error ? error.message : error);
  };
  const open: (() => void | Promise<void>)[] = isOwned
    ? [async () => await storage[Symbol.asyncDispose]()]
    : [];
  const close = async () => {
    for (const end of open.splice(0).reverse()) await end();
  };
  try {
    const tickets = await ticketKeys(storage, clock);
    const name = lists[0]?.[0]?.replace(/^\*\./, '') ?? 'localhost';
    const servers = new Servers(await selfSigned(name), { clock, tickets });
    open.push(() => servers.close());
    const certificates = new Certificates({
      ...{ settings: options, storage, place, clock, onError: report },
      onServed(certificate) {
        const { names, notAfter, serialNumber } = certificate;
        if (names.includes(lists[0]?.[0] ?? '')) servers.present(certificate);
        events.emit('certificate', { names, notAfter, serialNumber });
      },
    });
    open.push(async () => await certificates[Symbol.asyncDispose]());
    for (const names of lists) await certificates.declare(names);
    const stored = lists.length === 0 ? undefined : await certificates.find(name);
    if (stored) servers.present(stored);
    const contextFor = contextSource(options, { certificates, clock, report });
    const shared = { shared: storedResponses(storage, 'tls-alpn-01'), clock };
    const names = { contextFor, challengeFor: tlsAlpn01Contexts(shared) };
    return assembled({
      names,
      servers,
      events,
      place,
      close,
      answers: http01SharedHandler({ clock, shared: storedResponses(storage, 'http-01') }),
    });
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns what finds the certificate of a name, or obtains it where `allow` permits it. */
function contextSource(
  { allow, onDemandLimits = {} }: AutocertOptions,
  {
    certificates,
    clock,
    report,
  }: {
    readonly certificates: Certificates;
    readonly clock: Clock;
    readonly report: (error: unknown) => void;
  },
): ServedNames['contextFor'] {
  const onDemand =
    allow &&
    new OnDemand({
      ...{ allow, limits: onDemandLimits, clock },
      obtain: async (name) => await certificates.obtain(name),
      onError: report,
    });
  return async (name, remoteAddress) => {
    const stored = await certificates.find(name);
    if (stored || !onDemand) return stored?.context;
    await onDemand.obtain(name, remoteAddress);
    return (await certificates.find(name))?.context;
  };
}

function assembled({
  names,
  servers,
  events,
  place,
  answers,
  close,
}: {
  readonly names: ServedNames;
  readonly servers: Servers;
  readonly events: EventEmitter;
  readonly place: Place;
  readonly answers: ReturnType<typeof http01SharedHandler>;
  readonly close: () => Promise<void>;
}): Autocert {
  const attach = (server: TlsServer) => servers.attach(server);
  const http = (handler = redirectTo(place.https)): RequestListener => {
    return (request, response) => {
      if (!answers(request, response)) handler(request, response);
    };
  };
  const tls: Autocert = {
    get options() {
      return { ...servers.options, ...tlsOptions(names, ['http/1.1']) };
    },
    get http2Options() {
      return {
        ...servers.options,
        ...tlsOptions(names, ['h2', 'http/1.1']),
        allowHTTP1: true as const,
      };
    },
    http,
    async listen(app) {
      const { env: environment, pid } = process;
      const listening = await listenOn(app, {
        ...{ tls: tls.options, http: http(), place, environment, pid },
      });
      attach(listening.https);
      return listening;
    },
    attach,
    on(event, listener) {
      events.on(event, listener);
      return tls;
    },
    off(event, listener) {
      events.off(event, listener);
      return tls;
    },
    [Symbol.asyncDispose]: close,
  };
  return tls;
}
