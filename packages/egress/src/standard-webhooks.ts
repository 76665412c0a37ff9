import { createHmac } from 'node:crypto';

/** Returns the key of a secret: `whsec_` and base64, or the text itself. */
export function webhookKey(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret);
}

/**
 * Returns the headers that identify a message and, with a key, sign it. Standard Webhooks, "Webhook
 * headers" and "Signature scheme"
 * @param id stays the same when the message is sent again
 * @param key of HMAC-SHA256
 */
export function webhookHeaders(
  id: string,
  body: string,
  {
    at,
    key,
  }: {
    readonly at: { readonly epochMilliseconds: number };
    readonly key?: Uint8Array | undefined;
  },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.epochMilliseconds / 1000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (!key) return headers;
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}
