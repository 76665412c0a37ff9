import { Inject, Injectable } from '@nestjs/common';
import type { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import type { Caller } from '../access/caller.ts';
import { visible } from '../certificates/visible.ts';
import { ServerError } from '../errors.ts';
import { traceparentIn } from '../http/trace-context.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId, certifiedName } from '../http/fields.ts';
import { Quotas } from '../quotas.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';

const webhook = endpoint({
  method: 'POST',
  path: '/api/webhook',
  scope: 'sender',
  summary:
    'Take a signed webhook (Standard Webhooks): webhook-id, webhook-timestamp, webhook-signature. A delivery that is repeated after an error continues where it ended',
  body: z.strictObject({
    event: z
      .enum(['ping', 'renew', 'recheck'])
      .describe('`renew` orders again; `recheck` asks the CA for its renewal window.'),
    data: z
      .strictObject({ certificate: certificateId.optional(), name: certifiedName.optional() })
      .default({})
      .describe('Which: one by its id, or all that hold a name. Paused ones are left out.'),
  }),
  answers: {
    200: {
      description: 'Done.',
      schema: z.object({
        status: z.enum(['pong', 'accepted']),
        orders: z.array(z.string()).optional(),
        certificates: z.array(z.string()).optional(),
      }),
    },
  },
});

@Injectable()
export class WebhookReceiver {
  readonly #scheduling: Scheduling;
  readonly #quotas: Quotas;

  constructor(@Inject(SCHEDULING) scheduling: Scheduling, @Inject(Quotas) quotas: Quotas) {
    this.#scheduling = scheduling;
    this.#quotas = quotas;
  }

  @Handles(webhook)
  async take({
    caller,
    headers,
    body: {
      event,
      data: { certificate, name },
    },
    since,
  }: RequestOf<typeof webhook>): Promise<Answer> {
    if (event === 'ping') return answer(200, { status: 'pong' });
    if ((certificate === undefined) === (name === undefined))
      throw new ServerError(
        'ERR_SERVER_BODY',
        `the webhook ${event} names neither or both of a certificate and a name`,
        {
          errors: [{ pointer: '/data', detail: 'write either certificate or name' }],
        },
      );
    const { provisioner } = caller.tenant.manager;
    const targets =
      certificate === undefined
        ? provisioner.certificates.byName(name ?? '')
        : [await visible(caller, certificate)];
    const traceparent = traceparentIn(headers);
    const ids: string[] = [];
    const orders: string[] = [];
    try {
      for await (const { id, paused } of targets) {
        ids.push(id);
        if (paused) continue;
        if (event === 'renew')
          orders.push(...(await this.#renew(caller, id, { since, traceparent })));
        else await provisioner.refreshRenewalInfo(id);
      }
    } finally {
      // Where a quota ends it, the orders before that are under way.
      this.#scheduling.wake();
    }
    return answer(200, {
      status: 'accepted',
      certificates: ids,
      ...(event === 'renew' ? { orders } : {}),
    });
  }

  /**
   * Orders a certificate again, once for all deliveries of one webhook.
   * @param attempt `since`: when the first delivery came, which a quota or a fault has ended
   * @returns the order, also where it has ended since then
   */
  async #renew(
    { tenant }: Caller,
    id: string,
    {
      since,
      traceparent,
    }: {
      readonly since: Temporal.Instant | undefined;
      readonly traceparent: string | undefined;
    },
  ): Promise<readonly string[]> {
    if (since === undefined) return [await this.#quotas.submit(tenant, id, traceparent)];
    const order = await this.#quotas.submitUnlessIssued(tenant, id, { since, traceparent });
    if (order !== undefined) return [order];
    const { certificates } = tenant.manager.provisioner;
    const { current } = await certificates.get(id);
    const issued = current && (await certificates.generation(id, current.generation));
    return issued ? [issued.order] : [];
  }
}
