import type { Clock } from '@acmex/clock';
import { type AuditOrigin, listAuditRecords } from '@acmex/observability/audit';
import { type AcmexEvent, type ManagedCertificate, outbox } from '@acmex/orchestrator';
import { firstId, idMilliseconds, type Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { originSchema } from '../audit/audit-log.ts';
import { CLOCK } from '../clock.ts';
import { eventId, eventSchema, maySeeEvent } from '../events/events.ts';
import { STORAGE } from '../health/health.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId, limit, pageOf } from '../http/fields.ts';
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
    cursor: eventId.optional().describe('`next` of the page before.'),
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

/** How many events are looked at for one page. */
const scanLimit = 2000;
/** How many events are read at once: a window of time with more is made smaller. */
const windowLimit = 250;
/** The length of the first window. */
const firstWindowMs = 60_000;
/** How many audit records are read for one event: its own is written at the same moment. */
const auditLimit = 50;

interface NewestEvents {
  readonly events: readonly AcmexEvent[];
  /** Asks for earlier ones, as `before`; undefined where there are none. */
  readonly next: string | undefined;
  readonly scanned: number;
}

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
    const { events, next, scanned } = await newestEvents(caller.tenant.storage, {
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

/**
 * Lists events of a certificate, the newest first. A storage lists keys in ascending order: so it
 * reads windows of time backwards, longer ones where there are few events, until the certificate was
 * created.
 */
export async function newestEvents(
  storage: Storage,
  {
    certificate: { createdAt },
    before,
    limit: pageSize,
    where,
  }: {
    readonly certificate: Pick<ManagedCertificate, 'createdAt'>;
    /** The id that all events come before. */
    readonly before: string;
    readonly limit: number;
    readonly where: (event: AcmexEvent) => boolean;
  },
): Promise<NewestEvents> {
  const beginMs = Date.parse(createdAt);
  const events: AcmexEvent[] = [];
  let [end, windowMs, scanned] = [before, firstWindowMs, 0];
  while (scanned < scanLimit) {
    const startMs = Math.max(beginMs, idMilliseconds(end) - windowMs);
    const start = firstId('evt', startMs);
    const readLimit = windowMs > 1 ? windowLimit : Infinity;
    const read = await eventsBetween(storage, { start, end, limit: readLimit });
    scanned += read.events.length;
    if (!read.isComplete) {
      windowMs = Math.max(1, Math.floor(windowMs / 16));
      continue;
    }
    for (const event of read.events.reverse().filter(where)) {
      if (events.length === pageSize) return { events, next: events.at(-1)?.id, scanned };
      events.push(event);
    }
    if (startMs <= beginMs) return { events, next: undefined, scanned };
    end = start;
    if (read.events.length < windowLimit / 8) windowMs *= 4;
  }
  return { events, next: end, scanned };
}

/** Reads the events of a window of time, the oldest first, unless there are more than `limit`. */
async function eventsBetween(
  storage: Storage,
  {
    start,
    end,
    limit: readLimit,
  }: { readonly start: string; readonly end: string; readonly limit: number },
): Promise<{ readonly events: AcmexEvent[]; readonly isComplete: boolean }> {
  const events: AcmexEvent[] = [];
  for await (const event of outbox(storage).list({ after: start })) {
    if (event.id >= end) break;
    if (events.length === readLimit) return { events, isComplete: false };
    events.push(event);
  }
  return { events, isComplete: true };
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
