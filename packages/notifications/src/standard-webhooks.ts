import { createHmac } from 'node:crypto';
import type { Temporal } from 'temporal-polyfill';

/**
 * Returns the headers that identify a message and, with a key, sign it. Standard Webhooks, "Webhook
 * headers" and "Signature scheme"
 * @param id stays the same when the message is sent again
 * @param key of HMAC-SHA256
 */
export function webhookHeaders(
  id: string,
  body: string,
  { at, key }: { readonly at: Temporal.Instant; readonly key?: Uint8Array | undefined },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.epochMilliseconds / 1000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (!key) return headers;
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}
