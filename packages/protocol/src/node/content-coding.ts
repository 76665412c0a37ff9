import type { IncomingMessage } from 'node:http';
import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { printable } from '@acmex/errors';
import { AcmeError } from '../errors.ts';

type Body = AsyncIterable<Uint8Array>;

/** A body cannot be larger than what its reader takes: each decoder yields pieces. */
const decoders: Readonly<Record<string, (body: Body) => Body>> = {
  gzip: (body) => through(body, createGunzip()),
  'x-gzip': (body) => through(body, createGunzip()),
  br: (body) => through(body, createBrotliDecompress()),
  deflate: inflated,
};

/**
 * Returns the body of an answer without its content codings: some servers compress though no one
 * asked for it. RFC 9110 §8.4
 * @throws AcmeError `ERR_ACME_ANSWER` for a coding that is not known; the connection is closed then
 */
export function decodedBody(url: URL, method: string, message: IncomingMessage): Body {
  const isEmpty = method === 'HEAD' || message.headers['content-length'] === '0';
  return isEmpty
    ? message
    : contentCodings(message).reduceRight<Body>((body, coding) => {
        const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
        if (decode) return decode(body);
        message.destroy();
        throw new AcmeError(
          'ERR_ACME_ANSWER',
          `${url.href} answered with the content coding "${printable(coding, 50)}", which was not asked for`,
        );
      }, message);
}

/** Returns the codings of an answer, in the order in which they were applied. */
export function contentCodings({ headers }: IncomingMessage): readonly string[] {
  return (headers['content-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

function through(body: Body, decoder: Transform): Body {
  return pipeline(body, decoder, () => {
    /* who reads the decoder gets the error */
  });
}

/** Decodes the zlib format, or deflate without it, which some servers send. */
async function* inflated(body: Body): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done) return;
  const all = async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => chunks };
  };
  const hasFrame = ((first.value[0] ?? 0) & 0x0f) === 8;
  yield* through(all(), hasFrame ? createInflate() : createInflateRaw());
}
