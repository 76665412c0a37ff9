import { refusal } from './problems.ts';

/** The most that a request may say. */
export const largestBody = 64 * 1024;

/** The text of a body, read no further than 64 KiB. @throws Refusal `malformed` with 413 */
export async function readBody(
  body: AsyncIterable<Uint8Array> | null,
  length: string | null,
): Promise<string> {
  if (Number(length ?? 0) > largestBody) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > largestBody) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge() {
  return refusal('malformed', 'the request is larger than 64 KiB', {
    status: 413,
    headers: { connection: 'close' },
  });
}
