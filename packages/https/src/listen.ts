import { once } from 'node:events';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { createServer as createSocketServer, type Server as SocketServer } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { errorCode, listenFailureText } from '@acmex/errors';
import { ipVersion, isDomainName, urlHost } from '@acmex/identifier';
import { HttpsError } from './errors.ts';
import type { Place } from './options.ts';
import {
  type Environment,
  passedElsewhere,
  type PassedSocket,
  takePassedSockets,
} from './passed-sockets.ts';

/** Servers that listen. Disposing of it ends idle connections, and waits for requests under way. */
export interface Listening extends AsyncDisposable {
  readonly https: SecureServer;
  readonly http: Server;
  /** Where clients reach the program: `https://localhost:8443/`. */
  readonly url: string;
}

/**
 * Listens for HTTPS, and for the HTTP that leads to it: on the sockets that systemd has passed, and
 * where it has passed none, on the ports of `place`.
 * @throws HttpsError `ERR_HTTPS_LISTEN`
 */
export async function listenOn(
  app: RequestListener,
  {
    tls,
    http: onHttp,
    attach,
    place,
    environment,
    pid,
  }: {
    readonly tls: TlsOptions;
    readonly http: RequestListener;
    /** Called with the HTTPS server before it listens. */
    readonly attach: (server: SecureServer) => void;
    readonly place: Place;
    readonly environment: Environment;
    readonly pid: number;
  },
): Promise<Omit<Listening, 'url'>> {
  const https = createSecureServer(tls, app);
  attach(https);
  const http = plainServer(onHttp);
  const further: SocketServer[] = [];
  const close = async () => {
    await Promise.all([...further, https, http].map(async (server) => await closed(server)));
  };
  try {
    const passed = await takePassedSockets(environment, { pid, place });
    const hint = passedElsewhere(environment);
    const listenAt = async (server: Server, use: 'https' | 'http') => {
      const [first = { port: place[use], host: place.host }, ...rest] = passed[use];
      const alternative = passed[use].length > 0 ? undefined : place.alternatives?.[use];
      const begun = [listening(server, first, { hint, alternative })];
      for (const socket of rest) {
        const forwarder = forwarderTo(server);
        further.push(forwarder);
        begun.push(listening(forwarder, socket, { hint }));
      }
      await Promise.all(begun);
    };
    await listenAt(https, 'https');
    await listenAt(http, 'http');
  } catch (error) {
    await close();
    throw error;
  }
  return { https, http, [Symbol.asyncDispose]: close };
}

/** Listens for HTTP alone. @throws HttpsError `ERR_HTTPS_LISTEN` */
export async function listenForHttp(
  handler: RequestListener,
  { http: port, host, alternatives }: Place,
): Promise<AsyncDisposable> {
  const server = plainServer(handler);
  await listening(server, { port, host }, { hint: '', alternative: alternatives?.http });
  return { [Symbol.asyncDispose]: async () => await closed(server) };
}

function plainServer(handler: RequestListener): Server {
  return createPlainServer({ requestTimeout: 10_000, headersTimeout: 5000 }, handler);
}

/** How many ports from an alternative on are tried. */
const attempts = 20;
const alternativeHelps = new Set<unknown>(['EACCES', 'EADDRINUSE']);

interface PortOfHost {
  readonly port: number;
  readonly host: string | undefined;
}

/**
 * @param alternative the port from which on a free one is used where the first cannot be
 * @throws HttpsError `ERR_HTTPS_LISTEN`
 */
async function listening(
  server: SocketServer,
  at: PassedSocket | PortOfHost,
  { hint, alternative }: { readonly hint: string; readonly alternative?: number | undefined },
): Promise<void> {
  try {
    await once(server.listen(at), 'listening');
  } catch (cause) {
    if (alternative !== undefined && 'port' in at && alternativeHelps.has(errorCode(cause)))
      return await listeningFrom(server, { port: alternative, host: at.host });
    const place = 'port' in at ? `port ${at.port}` : 'a socket that systemd has passed';
    throw new HttpsError(
      'ERR_HTTPS_LISTEN',
      `${place} cannot be listened on: ${listenFailureText(cause)}${hint}`,
      { cause },
    );
  }
}

async function listeningFrom(server: SocketServer, { port, host }: PortOfHost): Promise<void> {
  for (let next = port; next < port + attempts; next += 1) {
    try {
      return await listening(server, { port: next, host }, { hint: '' });
    } catch (error) {
      const { cause } = error as HttpsError;
      if (errorCode(cause) !== 'EADDRINUSE' || next === port + attempts - 1) throw error;
    }
  }
}

/** Gives the connections of a further socket to a server. */
function forwarderTo(server: Server): SocketServer {
  return createSocketServer((connection) => void server.emit('connection', connection));
}

async function closed(server: SocketServer | Server): Promise<void> {
  if (!server.listening) return;
  const end = once(server, 'close');
  server.close();
  if ('closeIdleConnections' in server) server.closeIdleConnections();
  await end;
}

/** @param host a name or an address */
export function urlOf(host: string, httpsPort: number): string {
  return new URL(`https://${urlHost(host)}:${httpsPort}/`).href;
}

/** Leads clients of plain HTTP to HTTPS, by a redirect that keeps the method. RFC 9110 §15.4.9 */
export function redirectTo(httpsPort: () => number): RequestListener {
  return ({ headers, url = '/' }, response) => {
    const name = hostName(headers.host ?? '');
    if (name === undefined) {
      response.writeHead(400, { 'content-type': 'text/plain', connection: 'close' });
      return void response.end('the Host header is not valid\n');
    }
    const location = new URL(urlOf(name, httpsPort()));
    const [path = '/', query] = url.split('?', 2);
    location.pathname = path;
    if (query !== undefined) location.search = query;
    response.writeHead(308, { location: location.href, 'content-length': 0, connection: 'close' });
    response.end();
  };
}

/** Returns the host of a Host header, if it is a domain name or an address. */
function hostName(host: string): string | undefined {
  const { hostname = '' } = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : {};
  const plain = hostname.replace(/^\[|\]$/g, '');
  return isDomainName(plain) || ipVersion(plain) !== undefined ? hostname : undefined;
}
