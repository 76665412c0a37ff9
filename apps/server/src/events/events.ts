import type { Clock } from '@acmex/clock';
import { type AcmexEvent, eventTypes, type EventType, outbox } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { type Caller, maySee } from '../access/caller.ts';
import { CLOCK } from '../clock.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import {
  certificateId,
  limit,
  moment,
  orderId,
  pageOf,
  sortedBy,
  timeCursor,
} from '../http/fields.ts';
import { type TimedList, timePage } from '../http/time-page.ts';

export const eventSchema = z
  .object({
    id: z.string(),
    type: z.enum(eventTypes as [EventType, ...EventType[]]),
    time: z.string(),
    certificate: z.string().optional(),
    order: z.string().optional(),
    names: z.array(z.string()).optional(),
    issuer: z.string().optional(),
    actor: z.string().optional().describe('Who asked for it.'),
    message: z.string().optional(),
    code: z.string().optional(),
    explanationUrl: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    alarm: z
      .enum(['renewal', 'served'])
      .optional()
      .describe('Which alarm of the certificate it raises or resolves.'),
    traceId: z.string().optional().describe('The trace that it belongs to: 32 hexadecimal digits.'),
  })
  .meta({ id: 'Event' });
const list = endpoint({
  method: 'GET',
  path: '/api/events',
  scope: 'events:read',
  summary: 'Read what happened',
  query: z.strictObject({
    sort: sortedBy,
    type: z.enum(eventTypes as [EventType, ...EventType[]]).optional(),
    certificate: certificateId.optional(),
    order: orderId.optional(),
    since: moment.optional(),
    until: moment.optional().describe('Before this moment.'),
    limit,
    cursor: timeCursor('evt').optional(),
  }),
  answers: {
    200: {
      description:
        'A page of events; 2,000 are looked at for it at most. An event may become visible up to two minutes after one with a later id.',
      schema: pageOf(eventSchema),
    },
  },
});

@Injectable()
export class Events {
  readonly #paths: ServerPaths;
  readonly #clock: Clock;

  constructor(@Inject(SERVER_PATHS) paths: ServerPaths, @Inject(CLOCK) clock: Clock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  @Handles(list)
  async list({
    caller,
    query: { type, certificate, order, ...page },
  }: RequestOf<typeof list>): Promise<Answer> {
    const { items, next, scanned } = await timePage(timedEvents(caller.tenant.storage), {
      ...page,
      nowMs: this.#clock.now().epochMilliseconds,
      where: (event) =>
        (type ?? event.type) === event.type &&
        (certificate ?? event.certificate) === event.certificate &&
        (order ?? event.order) === event.order &&
        maySeeEvent(caller, event),
    });
    const visible = items.map((event) => this.#paths.publicMessage(event));
    return answer(200, { items: visible, next, scanned });
  }
}

/** Whether a caller may see an event: one of no names is for those who may use all of them. */
export function maySeeEvent(caller: Caller, { names }: AcmexEvent): boolean {
  return names === undefined ? caller.names.includes('*') : maySee(caller, names);
}

/** Returns the events of a storage. */
export function timedEvents(storage: Storage): TimedList<AcmexEvent> {
  const events = outbox(storage);
  return { prefix: 'evt', list: (options) => events.list(options) };
}
