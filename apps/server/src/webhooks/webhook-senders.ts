import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, systemClock } from '@acmex/clock';
import type { Admission } from '../access/caller.ts';
import { FailureThrottle } from '../access/failure-throttle.ts';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';

/** Someone whose webhooks are accepted. */
export interface Sender {
  readonly name: string;
  readonly tenant: string;
  /** The key of its signatures, as it was revealed when the configuration took effect. */
  readonly key: Buffer;
}

/** How old a webhook may be, or how far ahead the sender's clock. Seconds. */
const tolerance = 300;

/**
 * Finds out who has sent a webhook, by the Standard Webhooks scheme: an HMAC over id, time and
 * body.
 */
export class WebhookSenders {
  readonly #senders: () => readonly Sender[];
  readonly #tenants: () => ReadonlyMap<string, Tenant>;
  readonly #clock: Clock;
  readonly #failures = new FailureThrottle('webhooks without a valid signature');

  constructor({
    senders,
    tenants,
    clock = systemClock,
  }: {
    readonly senders: () => readonly Sender[];
    readonly tenants: () => ReadonlyMap<string, Tenant>;
    readonly clock?: Clock | undefined;
  }) {
    this.#senders = senders;
    this.#tenants = tenants;
    this.#clock = clock;
  }

  /**
   * Finds the sender whose signature a webhook has. The same webhook again is the same request: its
   * id is the idempotency key.
   * @throws ServerError `ERR_SERVER_SIGNATURE`, `ERR_SERVER_THROTTLED`
   */
  async authenticate(
    headers: IncomingHttpHeaders,
    body: Buffer,
    address: string,
  ): Promise<Admission> {
    const admission = await this.verify(headers, body);
    if (admission) return admission;
    await this.#failures.count(address, 'webhook');
    throw new ServerError('ERR_SERVER_SIGNATURE', signatureFault(headers, this.#clock));
  }

  /** Returns the sender of a webhook; undefined where it has none. Counts no failure. */
  async verify(headers: IncomingHttpHeaders, body: Buffer): Promise<Admission | undefined> {
    const webhook = signedWebhook(headers);
    if (!webhook || secondsFromNow(webhook.time, this.#clock) > tolerance) return undefined;
    const { id, time, signatures } = webhook;
    for (const { name, tenant: named, key } of this.#senders()) {
      const expected = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest();
      const tenant = this.#tenants().get(named);
      const isSigned = signatures.some(
        (signature) => signature.length === expected.length && timingSafeEqual(signature, expected),
      );
      if (!tenant || !isSigned) continue;
      return {
        caller: { id: `webhook:${name}`, tenant, scopes: new Set(['orders:write']), names: ['*'] },
        idempotencyKey: id,
      };
    }
    return undefined;
  }
}

/** Returns why a webhook has no sender, and what to do about it. */
function signatureFault(headers: IncomingHttpHeaders, clock: Clock): string {
  const webhook = signedWebhook(headers);
  if (!webhook)
    return 'the webhook is not signed: it needs the headers webhook-id, webhook-timestamp and webhook-signature of Standard Webhooks';
  const { id, time } = webhook;
  return secondsFromNow(time, clock) > tolerance
    ? `the webhook ${id} was signed at ${time}, which is more than five minutes from the server's time: check the sender's clock`
    : `the signature of the webhook ${id} is not of a sender in server.webhooks: check that both have the same secret`;
}

function secondsFromNow(time: string, clock: Clock): number {
  return Math.abs(clock.now().epochMilliseconds / 1000 - Number(time));
}

/** Reads the headers of a webhook; undefined where one is missing or not well-formed. */
function signedWebhook(
  headers: IncomingHttpHeaders,
):
  | { readonly id: string; readonly time: string; readonly signatures: readonly Buffer[] }
  | undefined {
  const text = (name: string) => String(headers[`webhook-${name}`] ?? '');
  const [id, time] = [text('id'), text('timestamp')];
  const signatures = text('signature')
    .split(' ')
    .slice(0, 8)
    .flatMap((signature) =>
      signature.startsWith('v1,') ? [Buffer.from(signature.slice(3), 'base64')] : [],
    );
  const isWellFormed = /^[\w.-]{1,200}$/.test(id) && /^\d{1,12}$/.test(time);
  return isWellFormed && signatures.length > 0 ? { id, time, signatures } : undefined;
}
