import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { visible } from '../certificates/visible.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId, certifiedName } from '../http/fields.ts';
import { Quotas } from '../quotas.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';

const webhook = endpoint({
  method: 'POST',
  path: '/api/webhook',
  scope: 'sender',
  summary:
    'Take a signed webhook (Standard Webhooks): webhook-id, webhook-timestamp, webhook-signature',
  body: z.strictObject({
    event: z
      .enum(['ping', 'renew', 'recheck'])
      .describe('`renew` orders again; `recheck` asks the CA for its renewal window.'),
    data: z
      .strictObject({ certificate: certificateId.optional(), name: certifiedName.optional() })
      .default({})
      .describe('Which: one by its id, or all that hold a name.'),
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

/** How many certificates of one name are acted on at most. */
const maxCertificates = 100;

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
    body: {
      event,
      data: { certificate, name },
    },
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
        ? (await provisioner.certificates.page({ name, limit: maxCertificates })).certificates
        : [await visible(caller, certificate)];
    const orders = [];
    for (const { id } of targets.filter(({ paused }) => !paused)) {
      if (event === 'renew') orders.push(await this.#quotas.submit(caller.tenant, id));
      else await provisioner.refreshRenewalInfo(id);
    }
    this.#scheduling.wake();
    return answer(200, {
      status: 'accepted',
      certificates: targets.map(({ id }) => id),
      ...(event === 'renew' ? { orders } : {}),
    });
  }
}
