import { createHash, createHmac } from 'node:crypto';

/** What is signed of a request. */
export interface SdkHmacRequest {
  readonly method: string;
  readonly url: URL;
  /** Those that are signed; host and x-sdk-date at least. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SdkHmacKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * The Authorization header of a request to one of Huawei Cloud's APIs, signed by SDK-HMAC-SHA256.
 * @see https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-algorithm-005.html
 */
export function sdkHmac(
  { method, url, headers, body }: SdkHmacRequest,
  { accessKeyId, secretAccessKey }: SdkHmacKey,
): string {
  const names = Object.keys(headers).sort();
  const signed = names.map((name) => `${name}:${(headers[name] ?? '').trim()}\n`).join('');
  const path = url.pathname
    .split('/')
    .map((part) => encoded(decodeURIComponent(part)))
    .join('/')
    .replace(/\/?$/, '/');
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const canonical = [method, path, query, signed, names.join(';'), sha256(body)].join('\n');
  const signature = createHmac('sha256', secretAccessKey)
    .update(['SDK-HMAC-SHA256', headers['x-sdk-date'], sha256(canonical)].join('\n'))
    .digest('hex');
  return `SDK-HMAC-SHA256 Access=${accessKeyId}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** RFC 3986 §2.3. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
