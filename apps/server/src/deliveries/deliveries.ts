import { errorCode } from '@acmex/errors';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import type { Caller } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import { maySeeEvent } from '../events/events.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { limit, notificationId, pageOf } from '../http/fields.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import type { Tenant } from '../tenants.ts';

const states = ['waiting', 'dead'] as const;
const deliverySchema = z
  .object({
    id: z.string().describe('Of the notification. A webhook has it as `webhook-id`.'),
    state: z
      .enum(states)
      .describe(
        '`waiting`: it is sent, or sent again. `dead`: it is not sent unless it is replayed.',
      ),
    receiver: z.string().describe('Its name in acmex.toml.'),
    type: z.string().describe('The type of its event; `report` for several.'),
    severity: z.enum(['info', 'warning', 'error']),
    title: z.string().describe('What happened, in one line.'),
    certificates: z.array(z.string()).describe('What it is about, as ids.'),
    createdAt: z.string().describe('When the attempts began.'),
    attempts: z.number().int(),
    nextAt: z.string().optional().describe('When it is sent next; absent for a dead letter.'),
    failure: z
      .object({ code: z.string(), message: z.string(), at: z.string() })
      .optional()
      .describe('Why the last attempt failed. It names the host of the receiver, and no secret.'),
  })
  .meta({ id: 'Delivery' });
const list = endpoint({
  method: 'GET',
  path: '/api/deliveries',
  scope: 'queue:read',
  summary: 'List the notifications that wait, then those that were given up',
  query: z.strictObject({
    state: z.enum(states).optional(),
    limit,
    cursor: z
      .string()
      .regex(
        /^(waiting|dead)\/[a-z0-9-]{1,60}\/msg_[0-9a-z]{0,26}$/,
        'take it from next of the page before',
      )
      .optional()
      .describe('`next` of the page before.'),
  }),
  answers: {
    200: {
      description:
        'A page of deliveries; 2,000 are looked at for it at most. What was delivered is not stored. A dead letter is stored for 90 days.',
      schema: pageOf(deliverySchema),
    },
  },
});
const replay = endpoint({
  method: 'POST',
  path: '/api/deliveries/:id/replay',
  scope: 'queue:write',
  summary: 'Send a notification that was given up again, to each receiver that did not get it',
  params: z.strictObject({ id: notificationId }),
  answers: { 202: { description: 'It is sent, with the same id, for another day at most.' } },
});

type Notifier = Tenant['manager']['notifier'];
type Delivery = ReturnType<Notifier['deliveries']> extends AsyncIterable<infer D> ? D : never;

/** Notifications on their way to receivers. */
@Injectable()
export class Deliveries {
  readonly #scheduling: Scheduling;
  readonly #paths: ServerPaths;

  constructor(
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(SERVER_PATHS) paths: ServerPaths,
  ) {
    this.#scheduling = scheduling;
    this.#paths = paths;
  }

  @Handles(list)
  async list({
    caller,
    query: { state, limit: pageSize, cursor },
  }: RequestOf<typeof list>): Promise<Answer> {
    const items: z.infer<typeof deliverySchema>[] = [];
    let [scanned, next] = [0, undefined as string | undefined];
    const after = cursor === undefined ? undefined : positionOf(cursor);
    for await (const delivery of caller.tenant.manager.notifier.deliveries({ state, after })) {
      if (scanned === 2000 || items.length === pageSize)
        return answer(200, { items, next, scanned });
      [scanned, next] = [scanned + 1, `${delivery.state}/${delivery.receiver}/${delivery.id}`];
      if (maySeeDelivery(caller, delivery)) items.push(this.#toResource(delivery));
    }
    return answer(200, { items, scanned });
  }

  @Handles(replay)
  async replay({ caller, params: { id } }: RequestOf<typeof replay>): Promise<Answer> {
    const { notifier } = caller.tenant.manager;
    const absent = new ServerError(
      'ERR_SERVER_NOT_FOUND',
      `there is no notification ${id} that was given up: see GET /api/deliveries?state=dead`,
    );
    if (!(await hasDead(caller, id))) throw absent;
    try {
      await notifier.replay(id);
    } catch (error) {
      // Someone else has replayed it at the same moment.
      throw errorCode(error) === 'ERR_NOTIFICATIONS_DELIVERY' ? absent : error;
    }
    this.#scheduling.wake();
    return answer(202);
  }

  #toResource({
    id,
    state,
    receiver,
    notification: { type, severity, title, events },
    createdAt,
    attempts,
    nextAt,
    failure,
  }: Delivery): z.infer<typeof deliverySchema> {
    const certificates = events
      .map(({ certificate }) => certificate)
      .filter((certificate) => certificate !== undefined);
    return {
      ...{ id, state, receiver, type, severity, createdAt, attempts },
      title: this.#paths.without(title),
      certificates: [...new Set(certificates)],
      nextAt: state === 'waiting' ? nextAt : undefined,
      failure: failure && this.#paths.publicMessage(failure),
    };
  }
}

/** Whether a caller may see all that a notification is about. */
function maySeeDelivery(
  caller: Caller,
  { notification: { events, omitted = 0 } }: Delivery,
): boolean {
  if (events.length === 0 || omitted > 0) return caller.names.includes('*');
  return events.every((event) => maySeeEvent(caller, event));
}

async function hasDead(caller: Caller, id: string): Promise<boolean> {
  const { notifier } = caller.tenant.manager;
  for await (const delivery of notifier.deliveries({ state: 'dead' }))
    if (delivery.id === id && maySeeDelivery(caller, delivery)) return true;
  return false;
}

function positionOf(cursor: string) {
  const [state = '', receiver = '', id = ''] = cursor.split('/');
  return { state: state === 'dead' ? 'dead' : 'waiting', receiver, id } as const;
}
