import { createHash, createHmac } from 'node:crypto';

/** A request as it goes out, with all its headers. */
export interface Acs3Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

/**
 * The `Authorization` header of signature method V3, by ACS3-HMAC-SHA256. It signs method, path,
 * query, body, `host`, `content-type` and every `x-acs-` header; the headers must have
 * `x-acs-content-sha256`, `x-acs-date` and `x-acs-signature-nonce`.
 * @see https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
 */
export function acs3(
  { method, url, headers, body }: Acs3Request,
  { id, secret }: AccessKey,
): string {
  const signed = inOrder(
    Object.entries({ host: url.host, ...headers }).filter(
      ([name]) => name === 'host' || name === 'content-type' || name.startsWith('x-acs-'),
    ),
  );
  const names = signed.map(([name]) => name).join(';');
  const lines = signed.map(([name, value]) => `${name}:${value.trim()}\n`).join('');
  const request = [
    method,
    url.pathname,
    canonicalQuery(url.searchParams),
    lines,
    names,
    sha256(body),
  ].join('\n');
  const signature = createHmac('sha256', secret)
    .update(`ACS3-HMAC-SHA256\n${sha256(request)}`)
    .digest('hex');
  return `ACS3-HMAC-SHA256 Credential=${id},SignedHeaders=${names},Signature=${signature}`;
}

/** Parameters in the order of their names, encoded as RFC 3986 has it. */
export function canonicalQuery(
  parameters: Iterable<readonly [name: string, value: string]>,
): string {
  return inOrder([...parameters])
    .map((pair) => pair.map(encoded).join('='))
    .join('&');
}

/** In hexadecimal. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function inOrder<T extends readonly [name: string, value: string]>(
  all: readonly T[],
): readonly T[] {
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1));
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
