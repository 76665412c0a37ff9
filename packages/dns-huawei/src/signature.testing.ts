import { createHash, createHmac } from 'node:crypto';

export interface SignedRequest {
  readonly method: string;
  /** As it came. */
  readonly path: string;
  /** As it came, without the question mark. */
  readonly query: string;
  /** Those that are signed, in their order. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const unreserved = /[A-Za-z0-9\-_.~]/;

/**
 * What Huawei Cloud finds when it signs a request itself, written after its documentation and not
 * after the provider.
 * @see https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-algorithm-002.html
 */
export function signatureOf(
  { method, path, query, headers, body }: SignedRequest,
  secret: string,
): string {
  let canonical = `${method}\n`;
  for (const part of path.split('/').slice(1)) canonical += `/${percent(unpercent(part))}`;
  if (!canonical.endsWith('/')) canonical += '/';
  const pairs =
    query === ''
      ? []
      : query
          .split('&')
          .map((pair) =>
            pair.split('=').map((text) => percent(unpercent(text.replaceAll('+', ' ')))),
          );
  pairs.sort(([a = '', first = ''], [b = '', second = '']) =>
    a === b ? Number(first > second) || -1 : Number(a > b) || -1,
  );
  canonical += `\n${pairs.map(([name, value]) => `${name}=${value}`).join('&')}\n`;
  for (const [name, value] of Object.entries(headers))
    canonical += `${name.toLowerCase()}:${value.trim()}\n`;
  canonical += `\n${Object.keys(headers).join(';').toLowerCase()}\n${createHash('sha256').update(body, 'utf8').digest('hex')}`;
  const text = `SDK-HMAC-SHA256\n${headers['x-sdk-date']}\n${createHash('sha256').update(canonical, 'utf8').digest('hex')}`;
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

function percent(bytes: Buffer): string {
  return [...bytes]
    .map((byte) =>
      unreserved.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

function unpercent(text: string): Buffer {
  return Buffer.concat(
    [...text.matchAll(/%([0-9A-Fa-f]{2})|(.)/gs)].map(([, hex, char = '']) =>
      hex === undefined ? Buffer.from(char) : Buffer.of(parseInt(hex, 16)),
    ),
  );
}
