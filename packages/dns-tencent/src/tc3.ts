import { createHash, createHmac } from 'node:crypto';

/** What is signed of a POST request to one of Tencent Cloud's APIs. */
export interface Tc3Request {
  /** Those that are signed; content-type and host at least. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** As `dnspod`. */
  readonly service: string;
  /** That of X-TC-Timestamp: seconds since 1970. */
  readonly timestamp: number;
}

export interface Tc3Key {
  readonly secretId: string;
  readonly secretKey: string;
}

/**
 * The Authorization header of a request, signed by TC3-HMAC-SHA256.
 * @see https://www.tencentcloud.com/document/product/267/37447
 */
export function tc3(
  { headers, body, service, timestamp }: Tc3Request,
  { secretId, secretKey }: Tc3Key,
): string {
  const names = Object.keys(headers).sort();
  const signed = names
    .map((name) => `${name}:${(headers[name] ?? '').trim().toLowerCase()}\n`)
    .join('');
  const canonical = ['POST', '/', '', signed, names.join(';'), sha256(body)].join('\n');
  const date = new Date(1000 * timestamp).toISOString().slice(0, 10);
  const scope = `${date}/${service}/tc3_request`;
  const key = hmac(hmac(hmac(`TC3${secretKey}`, date), service), 'tc3_request');
  const signature = hmac(
    key,
    ['TC3-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n'),
  ).toString('hex');
  return `TC3-HMAC-SHA256 Credential=${secretId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
