import { createHash, createHmac } from 'node:crypto';

/** What is signed of a request. Header names in lower case. */
export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const hmac = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest();
export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const encoded = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/**
 * The signature of a request over the headers that are named, in AWS's version 4.
 * @param scope as `20150830/us-east-1/iam/aws4_request`
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureOf(
  { method, url, headers, body }: SignedRequest,
  {
    names,
    scope,
    secretAccessKey,
  }: {
    readonly names: readonly string[];
    readonly scope: string;
    readonly secretAccessKey: string;
  },
): string {
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const signed = names
    .map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`)
    .join('');
  const path = url.pathname
    .split('/')
    .map((part) => encoded(part))
    .join('/');
  const canonical = [method, path, query, signed, names.join(';'), sha256(body)].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${secretAccessKey}`);
  return hmac(
    key,
    ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n'),
  ).toString('hex');
}
