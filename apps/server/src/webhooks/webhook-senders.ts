import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, systemClock } from '@acmex/clock';
import type { Secret } from '@acmex/config';
import type { Admission } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';

/** Someone whose webhooks are taken. */
export interface Sender {
  readonly name: string;
  readonly tenant: string;
  readonly secret: Pick<Secret, 'reveal'>;
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
   * @throws ServerError `ERR_SERVER_SIGNATURE`
   */
  async authenticate(headers: IncomingHttpHeaders, body: Buffer): Promise<Admission> {
    const [id, time, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
      (name) => String(headers[name] ?? ''),
    );
    const age = Math.abs(this.#clock.now().epochMilliseconds / 1000 - Number(time));
    const wellFormed =
      /^[\w.-]{1,200}$/.test(id ?? '') && /^\d{1,12}$/.test(time ?? '') && age <= tolerance;
    const received = (signatures ?? '')
      .split(' ')
      .slice(0, 8)
      .flatMap((signature) =>
        signature.startsWith('v1,') ? [Buffer.from(signature.slice(3), 'base64')] : [],
      );
    for (const { name, tenant: named, secret } of wellFormed ? this.#senders() : []) {
      const expected = createHmac('sha256', keyOf(await secret.reveal()))
        .update(`${id}.${time}.`)
        .update(body)
        .digest();
      const tenant = this.#tenants().get(named);
      if (
        !tenant ||
        !received.some(
          (signature) =>
            signature.length === expected.length && timingSafeEqual(signature, expected),
        )
      )
        continue;
      return {
        caller: { id: `webhook:${name}`, tenant, scopes: new Set(['orders:write']), names: ['*'] },
        idempotencyKey: id,
      };
    }
    throw new ServerError(
      'ERR_SERVER_SIGNATURE',
      'this webhook is not signed by a sender that is configured, or is older than five minutes',
    );
  }
}

/** `whsec_` and base64, or the text itself. */
function keyOf(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret);
}
