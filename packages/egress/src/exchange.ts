import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls';
import { errorCode } from '@acmex/errors';
import { EgressError } from './errors.ts';
import type { Target } from './target.ts';

/** Whose certificates are taken. */
export interface Trust {
  /** `ignore` only where a certificate is not there yet, as in http-01. `verify` by default. */
  readonly certificates?: 'verify' | 'ignore';
  /** Further root certificates in PEM, beside those of Node. */
  readonly ca?: readonly string[];
}

/** What is sent. */
export interface Outgoing {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /**
   * Names in lower case. After a redirect to another origin only `user-agent` and `accept` are sent
   * on.
   */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/**
 * TLS over an open connection, with the host's name as SNI.
 * @throws EgressError `ERR_EGRESS_TLS`
 */
export async function secured(
  socket: Socket,
  host: string,
  { certificates = 'verify', ca = [] }: Trust,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const roots = ca.length === 0 ? {} : { ca: [...rootCertificates, ...ca] };
  const secure = connectTls({
    socket,
    host,
    ...(isIP(host) ? {} : { servername: host }),
    rejectUnauthorized: certificates === 'verify',
    ...roots,
  }).on('error', () => {
    /* the caller that waits for the answer gets the error */
  });
  try {
    await once(secure, 'secureConnect', { signal });
    return secure;
  } catch (cause) {
    secure.destroy();
    signal.throwIfAborted();
    throw new EgressError(
      'ERR_EGRESS_TLS',
      `${host}: no TLS connection (${errorCode(cause) ?? 'no code'}); check its certificate, and that it speaks TLS 1.2 or later`,
      { cause },
    );
  }
}

/**
 * Sends a request over a connection of its own, and waits for the head of the answer.
 * @throws EgressError `ERR_EGRESS_REQUEST`, `ERR_EGRESS_ANSWER`
 */
export async function receiveAnswer(
  stream: Socket,
  { url, host }: Target,
  { method = 'GET', headers = {}, body, signal }: Outgoing,
): Promise<IncomingMessage> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const all = {
    ...headers,
    ...length,
    host: url.host,
    'accept-encoding': 'identity',
    connection: 'close',
  };
  const request = send();
  try {
    return await new Promise<IncomingMessage>((resolve, reject) => {
      // A switch to another protocol ends the connection without an error.
      request
        .once('response', resolve)
        .once('error', reject)
        .once('close', () => reject(new Error('the connection ended')))
        .end(body);
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new EgressError(
      'ERR_EGRESS_ANSWER',
      `${host}: no HTTP answer (${errorCode(cause) ?? 'no code'}); check what listens there`,
      { cause },
    );
  }

  function send() {
    try {
      return httpRequest({
        createConnection: () => stream,
        method,
        path: `${url.pathname}${url.search}`,
        headers: all,
        insecureHTTPParser: false,
        ...(signal && { signal }),
      }).on('error', () => {
        /* the wait for the answer, or its body, reports the error */
      });
    } catch (cause) {
      throw new EgressError(
        'ERR_EGRESS_REQUEST',
        `${host}: the request cannot be sent (${errorCode(cause) ?? 'no code'}); check its headers`,
        { cause },
      );
    }
  }
}

/**
 * The whole body.
 * @throws EgressError as `piecesOf`
 */
export async function bodyOf(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const piece of pieces) chunks.push(piece);
  return Buffer.concat(chunks);
}

/**
 * Yields the body as it arrives.
 * @throws EgressError `ERR_EGRESS_TOO_LARGE`, as soon as a byte too many has come;
 * `ERR_EGRESS_ANSWER`
 */
export async function* piecesOf(
  message: IncomingMessage,
  host: string,
  maxBody: number,
): AsyncGenerator<Uint8Array> {
  const pieces = (message as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (let size = 0; ;) {
    const next = await pieces.next().catch((cause: unknown) => {
      throw new EgressError(
        'ERR_EGRESS_ANSWER',
        `${host}: the answer ended before it was complete (${errorCode(cause) ?? 'no code'}); try again`,
        { cause },
      );
    });
    if (next.done === true) return;
    size += next.value.length;
    if (size > maxBody)
      throw new EgressError(
        'ERR_EGRESS_TOO_LARGE',
        `${host}: the answer is larger than ${maxBody} bytes; check what the URL serves`,
      );
    yield next.value;
  }
}

/** As fetch's headers have it. */
export function header(message: IncomingMessage, name: string): string | null {
  const value = message.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}
