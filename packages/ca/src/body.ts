import { refusal } from './problems.ts';

/** The largest body of a request, in bytes. */
export const largestBody = 64 * 1024;

/**
 * Reads the text of a body, up to 64 KiB.
 * @throws Refusal, as `readBytes`
 */
export async function readBody(
  body: AsyncIterable<Uint8Array> | null,
  length: string | null,
): Promise<string> {
  return (await readBytes(body, { length, largest: largestBody })).toString('utf8');
}

/**
 * Reads a body.
 * @throws Refusal `malformed`, with 413 for a larger body, and with 400 for a body that the client
 * did not send whole
 */
export async function readBytes(
  body: AsyncIterable<Uint8Array> | null,
  { length, largest }: { readonly length: string | null; readonly largest: number },
): Promise<Buffer> {
  if (Number(length ?? 0) > largest) throw tooLarge(largest);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of wholeBody(body)) {
    size += chunk.byteLength;
    if (size > largest) throw tooLarge(largest);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Yields the chunks. A connection that ends early is the client's fault, so it is not reported as a
 * failure of this server.
 */
async function* wholeBody(body: AsyncIterable<Uint8Array> | null) {
  try {
    yield* body ?? [];
  } catch {
    throw refusal('malformed', 'the connection ended before the request was complete');
  }
}

function tooLarge(largest: number) {
  return refusal('malformed', `the request is larger than ${largest / 1024} KiB`, {
    status: 413,
    headers: { connection: 'close' },
  });
}
