import { createHash, createHmac } from 'node:crypto';

export interface Received {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly text: string;
}

/** How RFC 3986 writes a text: all but what it leaves unreserved, byte by byte. */
function percent(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      /[\w.~-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`,
    )
    .join('');
}

/**
 * What Alibaba Cloud reckons the signature of a request to be, from what it received and the
 * headers that are said to be signed.
 */
export function expectedSignature(
  { method, url, headers, text }: Received,
  { names, secret }: { readonly names: readonly string[]; readonly secret: string },
): string {
  const parameters = url.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '')
    .map((part) =>
      part.split('=').map((part) => percent(decodeURIComponent(part.replaceAll('+', ' ')))),
    );
  parameters.sort((a, b) => Buffer.compare(Buffer.from(a[0] ?? ''), Buffer.from(b[0] ?? '')));
  const hash = createHash('sha256');
  hash.update(
    `${method}\n${url.pathname}\n${parameters.map(([name = '', value = '']) => `${name}=${value}`).join('&')}\n`,
  );
  for (const name of names)
    hash.update(`${name}:${name === 'host' ? url.host : (headers.get(name)?.trim() ?? '')}\n`);
  hash.update(`\n${names.join(';')}\n${createHash('sha256').update(text).digest('hex')}`);
  return createHmac('sha256', secret)
    .update(`ACS3-HMAC-SHA256\n${hash.digest('hex')}`)
    .digest('hex');
}
