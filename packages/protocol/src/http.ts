import { type Clock, type DurationInput, withTimeLimit } from '@acmex/clock';
import { errorCode, printable } from '@acmex/errors';
import { AcmeError } from './errors.ts';

export interface HttpHeaders {
  get(name: string): string | null;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** Redirects are not followed: a signed request is for one URL. */
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: AsyncIterable<Uint8Array> | { getReader(): ByteReader } | null;
}

interface ByteReader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/**
 * The part of `fetch` that is used here. The global one fits; `@acmex/protocol/node` has a faster
 * one.
 */
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpAnswer>;

/** A whole answer: its body read, and no larger than 1 MiB. */
export interface AcmeResponse {
  readonly url: string;
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly text: string;
}

export interface HttpOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** For one request, from its first byte to the last of its answer. */
  readonly requestLimit: DurationInput;
  readonly userAgent: string;
}

export type HttpCall = Pick<HttpRequest, 'method' | 'body'> & {
  /** The entity tag of what the caller has already: the answer is 304 if that is current. */
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

const largestAnswer = 1024 * 1024;

/**
 * One request and its whole answer.
 * @throws AcmeError `ERR_ACME_UNREACHABLE` or `ERR_ACME_TLS` when nothing was sent,
 * `ERR_ACME_ANSWER_LOST` or `ERR_ACME_TIMEOUT` when the request may have taken effect,
 * `ERR_ACME_ANSWER_TOO_LARGE`; the signal's reason when that aborted
 */
export async function exchange(
  { fetch, clock, requestLimit, userAgent }: HttpOptions,
  url: string,
  { method, body, etag, signal }: HttpCall,
): Promise<AcmeResponse> {
  const headers = {
    'user-agent': userAgent,
    'accept-language': 'en',
    ...(body === undefined ? {} : { 'content-type': 'application/jose+json' }),
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
  };
  try {
    return await withTimeLimit({ clock, limit: requestLimit, signal }, async (limited) => {
      try {
        const answer = await fetch(url, {
          method,
          headers,
          redirect: 'manual',
          signal: limited,
          ...(body === undefined ? {} : { body }),
        });
        return {
          url,
          status: answer.status,
          headers: answer.headers,
          text: answer.body === null ? '' : await readText(url, answer.body),
        };
      } catch (error) {
        limited.throwIfAborted(); // what a fetch throws when it is aborted differs from runtime to runtime
        throw error;
      }
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw codesOf(error).some((code) => code.startsWith('ERR_ACME_'))
      ? error
      : connectionError(url, error);
  }
}

async function readText(url: string, body: NonNullable<HttpAnswer['body']>): Promise<string> {
  const decoder = new TextDecoder();
  let size = 0;
  let text = '';
  for await (const chunk of Symbol.asyncIterator in body ? body : chunks(body.getReader())) {
    size += chunk.byteLength;
    if (size > largestAnswer)
      throw new AcmeError(
        'ERR_ACME_ANSWER_TOO_LARGE',
        `${url} answered with more than ${largestAnswer} bytes: is it an ACME server's?`,
      );
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function* chunks(reader: ByteReader): AsyncGenerator<Uint8Array> {
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read())
      if (part.value) yield part.value;
  } finally {
    await reader.cancel();
  }
}

// What a runtime's fetch throws differs; the codes of its causes are those of the operating system
// and of OpenSSL.
const notSent = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
  'ERR_INVALID_URL',
  'EPROTO',
  'NOT_CONNECTED',
];
const untrusted =
  /^(CERT_|ERR_TLS_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|UNSUITABLE|INVALID_CA|PATH_LENGTH|INVALID_PURPOSE|HOSTNAME_MISMATCH)/;

function connectionError(url: string, cause: unknown): AcmeError {
  const codes = codesOf(cause);
  const why = printable(codes.at(-1) ?? String(cause), 200);
  if (codes.includes('ERR_TIME_LIMIT'))
    return new AcmeError('ERR_ACME_TIMEOUT', `${url} gave no answer within the time limit`, {
      cause,
    });
  if (codes.some((code) => untrusted.test(code)))
    return new AcmeError(
      'ERR_ACME_TLS',
      `${url}: its TLS certificate is not trusted (${why}); for a private CA, give its root certificate`,
      { cause },
    );
  if (codes.some((code) => notSent.includes(code)))
    return new AcmeError(
      'ERR_ACME_UNREACHABLE',
      `${url} cannot be reached (${why}): check the URL, name resolution, proxy and firewall`,
      { cause },
    );
  return new AcmeError(
    'ERR_ACME_ANSWER_LOST',
    `${url}: the connection broke before the answer was complete (${why})`,
    { cause },
  );
}

/** Returns the codes of an error and of its causes, the outermost first. */
function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  return [
    ...[errorCode(error) ?? codeInWords(error) ?? []].flat(),
    ...causesOf(error).flatMap((nested) => codesOf(nested, depth + 1)),
  ];
}

function causesOf(error: object): readonly unknown[] {
  if ('errors' in error && Array.isArray(error.errors)) return error.errors.slice(0, 2);
  return 'cause' in error ? [error.cause] : [];
}

/** Deno's errors have words (hyper's and rustls's) where others have codes. */
function codeInWords(error: object): string | undefined {
  if (!('message' in error) || !String(error.message).includes('client error (Connect)'))
    return undefined;
  return String(error.message).includes('invalid peer certificate')
    ? 'CERT_INVALID'
    : 'NOT_CONNECTED';
}
