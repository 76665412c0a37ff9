import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type Fault, sometimes, type When } from './fault.ts';

/** The connection breaks before the CA receives the request. */
export function refusedConnections(when: When = {}): Fault {
  return sometimes(
    when,
    async () =>
      await Promise.reject(new TypeError('the connection was refused: a fault of the test')),
  );
}

/** The CA does its work, and the answer is lost: the connection breaks without a byte. */
export function lostAnswers(when: When = {}): Fault {
  return sometimes(when, async (_, next) => {
    await next();
    throw new TypeError('the answer was lost: a fault of the test');
  });
}

/**
 * The connection breaks in the middle of the body; through `nodeHandler`, which sends an answer
 * in one piece, before it.
 */
export function cutAnswers(when: When = {}): Fault {
  return sometimes(when, async (_, next) => {
    const answer = await next();
    const body = new Uint8Array(await answer.arrayBuffer());
    if (body.length === 0) return new Response(null, answer);
    let isSent = false;
    const cut = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (body.length > 1 && !isSent) controller.enqueue(body.subarray(0, body.length >> 1));
        else controller.error(new TypeError('the answer was cut: a fault of the test'));
        isSent = true;
      },
    });
    return new Response(cut, answer);
  });
}

const encoders = {
  gzip: gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
} as const;

/**
 * Bodies are compressed, whether or not the client has asked for it. A `fetch` over the network
 * decodes them by their `Content-Encoding`; a client that calls the handler receives the compressed
 * bytes.
 */
export function compressedAnswers({
  encoding = 'gzip',
  ...when
}: When & { readonly encoding?: keyof typeof encoders } = {}): Fault {
  return sometimes(when, async (_, next) => {
    const answer = await next();
    const body = Buffer.from(await answer.arrayBuffer());
    if (body.length === 0) return new Response(null, answer);
    const headers = new Headers(answer.headers);
    headers.set('content-encoding', encoding);
    headers.delete('content-length');
    return new Response(Uint8Array.from(encoders[encoding](body)), {
      status: answer.status,
      headers,
    });
  });
}

/** Another Content-Type than the right one. */
export function wrongContentTypes({
  contentType = 'text/html',
  ...when
}: When & { readonly contentType?: string } = {}): Fault {
  return withHeaders(when, (headers) => headers.set('content-type', contentType));
}

/** Answers without some of their headers: `Location` by default. */
export function missingHeaders({
  names = ['location'],
  ...when
}: When & { readonly names?: readonly string[] } = {}): Fault {
  return withHeaders(when, (headers) => {
    for (const name of names) headers.delete(name);
  });
}

/**
 * Answers with any `Retry-After`: seconds, an HTTP date, or text that is neither. By default of the
 * resources that a client polls.
 */
export function retryAfters({ value, ...when }: When & { readonly value: number | string }): Fault {
  return withHeaders(
    { on: ['finalize', 'order', 'authorization', 'challenge', 'renewalInfo'], ...when },
    (headers) => headers.set('retry-after', String(value)),
  );
}

const alphabets = {
  /** base64url with padding. */
  padded: (nonce: string) => `${nonce}=`,
  /** base64 with `+`, `/` and padding. */
  base64: (nonce: string) =>
    Buffer.concat([
      Buffer.of(0xfb, 0xef, 0xff),
      Buffer.from(nonce, 'base64url'),
      Buffer.of(0),
    ]).toString('base64'),
  punctuated: (nonce: string) => `${nonce}.~!:`,
  empty: () => '',
} as const;

/** Alphabets of nonces that RFC 8555 does not permit. */
export type NonceAlphabet = keyof typeof alphabets;

/**
 * Nonces are not base64url: a client MUST ignore those (RFC 8555 §6.5.1). A request with one is
 * refused by the CA as badNonce.
 */
export function foreignNonces({
  alphabet = 'padded',
  ...when
}: When & { readonly alphabet?: NonceAlphabet } = {}): Fault {
  return withHeaders(when, (headers) => {
    const nonce = headers.get('replay-nonce');
    if (nonce !== null) headers.set('replay-nonce', alphabets[alphabet](nonce));
  });
}

function withHeaders(when: When, change: (headers: Headers) => void): Fault {
  return sometimes(when, async (_, next) => {
    const answer = await next();
    const headers = new Headers(answer.headers);
    change(headers);
    return new Response(answer.body, { status: answer.status, headers });
  });
}
