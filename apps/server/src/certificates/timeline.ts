import type { Clock } from '@acmex/clock';
import { type AuditOrigin, listAuditRecords } from '@acmex/observability/audit';
import { type AcmexEvent, type ManagedCertificate, outbox } from '@acmex/orchestrator';
import { firstId, idMilliseconds, type Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { originSchema } from '../audit/audit-log.ts';
import { CLOCK } from '../clock.ts';
import { eventSchema, maySeeEvent } from '../events/events.ts';
import { STORAGE } from '../health/health.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId, limit, pageOf, timeCursor } from '../http/fields.ts';
import {
  firstWindowMs,
  type Newest,
  newestFirst,
  type NewestOptions,
} from '../http/newest-first.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import { visible } from './visible.ts';

const timeline = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/timeline',
  scope: 'events:read',
  summary: 'Read what happened to a certificate, the newest first',
  params: z.strictObject({ id: certificateId }),
  query: z.strictObject({
    limit,
    cursor: timeCursor('evt').optional(),
  }),
  answers: {
    200: {
      description:
        'A page of the events of the certificate, which are stored for 90 days. About 2,000 events are looked at for it at most. A caller with the scope audit:read also gets who caused each event, where the audit log has it.',
      schema: pageOf(
        eventSchema.extend({ origin: originSchema.optional() }).meta({ id: 'TimelineEntry' }),
      ),
    },
  },
});

/** How many audit records are read for one event: its own is written at the same moment. */
const auditLimit = 50;

/** The history of a certificate. */
@Injectable()
export class Timeline {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #paths: ServerPaths;

  constructor(
    @Inject(STORAGE) storage: Storage,
    @Inject(CLOCK) clock: Clock,
    @Inject(SERVER_PATHS) paths: ServerPaths,
  ) {
    this.#storage = storage;
    this.#clock = clock;
    this.#paths = paths;
  }

  @Handles(timeline)
  async timeline({
    caller,
    params: { id },
    query: { limit: pageSize, cursor },
  }: RequestOf<typeof timeline>): Promise<Answer> {
    const certificate = await visible(caller, id);
    // A process with a clock that is ahead has written events of the near future.
    const end = firstId('evt', this.#clock.now().epochMilliseconds + firstWindowMs);
    const {
      items: events,
      next,
      scanned,
    } = await newestEvents(caller.tenant.storage, {
      certificate,
      before: cursor ?? end,
      limit: pageSize,
      where: (event) => event.certificate === id && maySeeEvent(caller, event),
    });
    const origins = caller.scopes.has('audit:read')
      ? await originsOf(this.#storage, events)
      : undefined;
    const items = events.map((event) => ({
      ...this.#paths.publicMessage(event),
      origin: origins?.get(event.id),
    }));
    return answer(200, { items, next, scanned });
  }
}

/** Lists events of a certificate, the newest first, until the certificate was created. */
export async function newestEvents(
  storage: Storage,
  {
    certificate: { createdAt },
    ...page
  }: Pick<NewestOptions<AcmexEvent>, 'before' | 'limit' | 'where'> & {
    readonly certificate: Pick<ManagedCertificate, 'createdAt'>;
  },
): Promise<Newest<AcmexEvent>> {
  return await newestFirst({
    ...page,
    prefix: 'evt',
    beginMs: Date.parse(createdAt),
    listAfter: (after) => outbox(storage).list({ after }),
  });
}

/** Returns who caused events, from where: by the id of the event, for those that the audit log has. */
async function originsOf(
  storage: Storage,
  events: readonly AcmexEvent[],
): Promise<ReadonlyMap<string, AuditOrigin>> {
  const origins = new Map<string, AuditOrigin>();
  for (const { id } of events) {
    if (origins.has(id)) continue;
    const after = firstId('aud', idMilliseconds(id));
    for await (const record of listAuditRecords(storage, { after, limit: auditLimit })) {
      for (const { event } of record.actions) origins.set(event, record.origin);
      if (origins.has(id)) break;
    }
  }
  return origins;
}
