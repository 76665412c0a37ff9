import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type AddressInfo, isIP } from 'node:net';
import { listenFailureText } from '@acmex/errors';
import { formatHostPort, isLoopback } from '@acmex/identifier';
import { ObservabilityError } from './errors.ts';
import { type MetricsContentType, preferredMetricsContentType } from './metrics.ts';

export interface MetricsListenerOptions {
  /** Name or address to listen on; every address of this machine without it. */
  readonly host?: string | undefined;
  /** 0 for a free one. */
  readonly port: number;
  /** Returns the metrics in the format that the request prefers, as text or in pieces of it. */
  readonly text: (contentType: MetricsContentType) => Promise<string | Iterable<string>>;
}

/** A listener that serves metrics. */
export interface MetricsListener extends AsyncDisposable {
  /** `http://127.0.0.1:9090/metrics` */
  readonly url: string;
}

/** Times in milliseconds that a client may take. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
};
/** Without any byte in either direction. */
const idleTimeoutMs = 120_000;
/** A scrape needs one. */
const maxConnections = 100;

/**
 * Serves metrics at `GET /metrics` over plain HTTP, without a key, in the text format of Prometheus or,
 * for a request that prefers it, in the OpenMetrics format. A listener on a loopback address
 * only answers requests for an address or for `localhost`, so that a web page cannot read it through
 * a name that leads to this machine.
 * @throws ObservabilityError `ERR_OBSERVABILITY_LISTEN`
 */
export async function serveMetrics({
  host,
  port,
  text,
}: MetricsListenerOptions): Promise<MetricsListener> {
  const server = createServer(limits, (request, response) => {
    void answer(request, response, { text, isPrivate: host !== undefined && isLoopback(host) });
  });
  server.timeout = idleTimeoutMs;
  server.maxConnections = maxConnections;
  await listen(server, host, port);
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${formatHostPort({ host: host ?? 'localhost', port: bound })}/metrics`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: AnswerOptions,
): Promise<void> {
  const { status, body, headers = {} } = await answerTo(request, options);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  if (request.method === 'HEAD') return void response.end();
  // The scraper may go away meanwhile.
  await pipeline(Readable.from(body), response).catch(() => response.destroy());
}

interface AnswerOptions extends Pick<MetricsListenerOptions, 'text'> {
  readonly isPrivate: boolean;
}

interface Answer {
  readonly status: number;
  readonly body: string | Iterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

async function answerTo(
  { method, url = '', headers }: IncomingMessage,
  { text, isPrivate }: AnswerOptions,
): Promise<Answer> {
  if (isPrivate && !isOwnAddress(headers.host ?? ''))
    return { status: 421, body: 'use the address of this machine, or localhost\n' };
  if (url.replace(/\?.*$/s, '') !== '/metrics')
    return { status: 404, body: 'the metrics are at /metrics\n' };
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, body: 'use GET\n', headers: { allow: 'GET, HEAD' } };
  try {
    const contentType = preferredMetricsContentType(headers.accept);
    const body = await text(contentType);
    return { status: 200, body, headers: { 'content-type': contentType, vary: 'accept' } };
  } catch {
    return { status: 500, body: 'the metrics cannot be read\n' };
  }
}

async function listen(server: Server, host: string | undefined, port: number): Promise<void> {
  try {
    await once(server.listen({ host, port }), 'listening');
  } catch (cause) {
    throw new ObservabilityError(
      'ERR_OBSERVABILITY_LISTEN',
      `cannot serve metrics on ${formatHostPort({ host: host ?? 'localhost', port })}: ${listenFailureText(cause)}; metrics.listen_addr or ACMEX_METRICS_LISTEN_ADDR sets the address`,
      { cause },
    );
  }
}

/** Whether the `Host` of a request is an address or localhost, with any port. */
function isOwnAddress(header: string): boolean {
  const name = header.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || isIP(name) !== 0;
}
