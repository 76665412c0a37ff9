import { createHash, createHmac } from 'node:crypto';

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Those that are signed, in their order. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timestamp: string;
  readonly date: string;
  readonly service: string;
}

/**
 * What Tencent Cloud finds when it signs a request itself, written after its documentation and not
 * after the provider.
 * @see https://www.tencentcloud.com/document/product/267/37447
 */
export function signatureOf(
  { method, path, query, headers, body, timestamp, date, service }: SignedRequest,
  secretKey: string,
): string {
  let canonical = `${method}\n${path}\n${query}\n`;
  for (const [name, value] of Object.entries(headers))
    canonical += `${name.toLowerCase()}:${value.toLowerCase().trim()}\n`;
  canonical += `\n${Object.keys(headers).join(';').toLowerCase()}\n${createHash('sha256').update(body, 'utf8').digest('hex')}`;
  const text = `TC3-HMAC-SHA256\n${timestamp}\n${date}/${service}/tc3_request\n${createHash('sha256').update(canonical, 'utf8').digest('hex')}`;
  const dated = createHmac('sha256', `TC3${secretKey}`).update(date).digest();
  const serviced = createHmac('sha256', dated).update(service).digest();
  const signing = createHmac('sha256', serviced).update('tc3_request').digest();
  return createHmac('sha256', signing).update(text, 'utf8').digest('hex');
}
