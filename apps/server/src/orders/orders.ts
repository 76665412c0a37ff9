import { Readable } from 'node:stream';
import type { Clock } from '@acmex/clock';
import { declareCertificate } from '@acmex/manager';
import type { ManagedCertificate, OrderStatus } from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { type Caller, maySee } from '../access/caller.ts';
import { deployedTo, specOf, template, unspecified, wishes } from '../certificates/request.ts';
import { visible } from '../certificates/visible.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { timePage } from '../http/time-page.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import { traceparentIn } from '../http/trace-context.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import {
  certificateId,
  certifiedNames,
  cursor,
  limit,
  orderId,
  ownName,
  pageOf,
  sortedBy,
  timeCursor,
} from '../http/fields.ts';
import { Quotas } from '../quotas.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { withTemplate } from '../templates/template-store.ts';
import { SharedWatches, type Watch } from '../waiting/shared-watches.ts';
import { assertVisible, hasEnded, orderOf, orderSchema, orderStates } from './order.ts';

const params = z.strictObject({ id: orderId });
const orderRequest = z
  .strictObject({
    certificate: certificateId
      .optional()
      .describe('One that is managed, in place of names and wishes.'),
    names: certifiedNames.optional(),
    template: template.optional(),
    ...wishes,
  })
  .superRefine(({ certificate, names, ...more }, { addIssue }) => {
    const refuse = (path: string, message: string) =>
      addIssue({ code: 'custom', path: [path], message });
    if (certificate === undefined && names === undefined)
      refuse('names', 'write the names, or the id of a certificate that is managed');
    if (certificate !== undefined)
      for (const [key, value] of Object.entries({ names, ...more }))
        if (value !== undefined)
          refuse(key, 'is not taken along with certificate: change that first');
  });
const accepted = {
  description:
    'It is under way: look at `Location` after `Retry-After` seconds, or watch its events.',
  schema: orderSchema,
  headers: { Location: 'The order.', 'Retry-After': 'Seconds.' },
};
const list = endpoint({
  method: 'GET',
  path: '/api/orders',
  scope: 'orders:read',
  summary: 'List orders',
  query: z.strictObject({
    state: z.enum(orderStates).optional(),
    certificate: certificateId.optional(),
    issuer: ownName.optional(),
    sort: sortedBy,
    limit,
    cursor: timeCursor('ord').optional(),
  }),
  answers: { 200: { description: 'A page of orders.', schema: pageOf(orderSchema) } },
});
const create = endpoint({
  method: 'POST',
  path: '/api/orders',
  scope: 'orders:write',
  summary: 'Order a certificate',
  body: orderRequest,
  answers: { 202: accepted },
});
const renew = endpoint({
  method: 'POST',
  path: '/api/certificates/:id/renew',
  scope: 'orders:write',
  summary: 'Renew a certificate, due or not',
  params: z.strictObject({ id: certificateId }),
  answers: { 202: accepted },
});
const renewAll = endpoint({
  method: 'POST',
  path: '/api/orders/renew-all',
  scope: 'orders:write',
  summary: 'Renew everything, up to 500 certificates a request',
  body: z.strictObject({
    issuer: ownName.optional().describe('Only those of one issuer.'),
    due: z.boolean().default(false).describe('Only what is due, or fails.'),
    cursor: cursor.optional(),
  }),
  answers: {
    202: {
      description:
        'They are under way. Where the quota of the tenant ends it, there is a `Retry-After`: repeat with `next` then.',
      schema: z.object({
        orders: z.array(z.string()),
        next: z.string().optional().describe('Where there are more: repeat with it as `cursor`.'),
        scanned: z.number().int(),
      }),
    },
  },
});
const show = endpoint({
  method: 'GET',
  path: '/api/orders/:id',
  scope: 'orders:read',
  summary: 'Look at an order',
  params,
  answers: { 200: { description: 'The order.', schema: orderSchema } },
});
const cancel = endpoint({
  method: 'DELETE',
  path: '/api/orders/:id',
  scope: 'orders:write',
  summary: 'Cancel an order',
  params,
  answers: {
    202: {
      description:
        'The process that works on it stops within seconds and removes the challenge responses.',
      schema: orderSchema,
    },
  },
});
const retry = endpoint({
  method: 'POST',
  path: '/api/orders/:id/retry',
  scope: 'orders:write',
  summary: 'Try an order again now',
  params,
  answers: { 202: accepted },
});
const events = endpoint({
  method: 'GET',
  path: '/api/orders/:id/events',
  scope: 'orders:read',
  summary: 'Watch an order',
  params,
  waits: 'stream',
  answers: {
    200: {
      description:
        'Server-sent events: `step` with each step and its number as id, `state` whenever that or the failure changes, `records` with the records that a person sets whenever they or what was seen of them changes, and `end` with the whole order. `Last-Event-ID` resumes after that step. A stream lasts an hour at most, and no longer than the key or token.',
      contentType: 'text/event-stream',
    },
  },
});

/** Milliseconds between two reads of one order, and of silence before a stream says that it lives. */
const pauseMs = 300;
const heartbeat = 15_000;
/** Clients continue after the end of a stream with `Last-Event-ID`. */
const longestStreamMs = 3_600_000;
const maxStreamsPerTenant = 200;
const renewedAtOnce = 500;
interface OrderStream {
  readonly caller: Caller;
  readonly watch: Watch<OrderStatus>;
  readonly signal: AbortSignal;
}

@Injectable()
export class Orders {
  readonly #scheduling: Scheduling;
  readonly #quotas: Quotas;
  readonly #clock: Clock;
  readonly #paths: ServerPaths;
  readonly #watches: SharedWatches<OrderStatus>;

  constructor(
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(Quotas) quotas: Quotas,
    @Inject(CLOCK) clock: Clock,
    @Inject(SERVER_PATHS) paths: ServerPaths,
  ) {
    this.#paths = paths;
    this.#scheduling = scheduling;
    this.#quotas = quotas;
    this.#clock = clock;
    this.#watches = new SharedWatches({
      clock,
      pauseMs,
      maxPerTenant: maxStreamsPerTenant,
      activity: 'watch orders',
    });
  }

  @Handles(list)
  async list({ caller, query }: RequestOf<typeof list>): Promise<Answer> {
    const where = (order: OrderStatus) =>
      (query.state ?? order.state) === order.state &&
      (query.certificate ?? order.certificate) === order.certificate &&
      (query.issuer ?? order.issuer) === order.issuer &&
      maySee(caller, order.names);
    const { provisioner } = caller.tenant.manager;
    const { items, next, scanned } = await timePage(
      { prefix: 'ord', list: (options) => provisioner.orders(options) },
      { ...query, nowMs: this.#clock.now().epochMilliseconds, where },
    );
    return answer(200, { items: items.map((order) => orderOf(order, this.#paths)), next, scanned });
  }

  @Handles(create)
  async create({ caller, body, headers }: RequestOf<typeof create>): Promise<Answer> {
    const traceparent = traceparentIn(headers);
    const { certificate, names = [], ...wished } = body;
    if (certificate !== undefined)
      return await this.#accepted(
        caller,
        await this.#quotas.submit(
          caller.tenant,
          (await visible(caller, certificate)).id,
          traceparent,
        ),
      );
    const more = await withTemplate(caller.tenant.storage, wished);
    const wanted = await specOf({ names, ...more }, caller);
    const declaration = await this.#quotas.within(
      caller.tenant,
      async (admit) =>
        await declareCertificate(caller.tenant.manager, wanted, {
          order: 'always',
          keep: unspecified(more),
          specFor: more.deployTo && deployedTo(more.deployTo),
          traceparent,
          admit,
        }),
    );
    const { order = '' } = declaration.certificate;
    const written = 'newOrder' in declaration ? declaration.newOrder : undefined;
    return await this.#accepted(caller, order, written);
  }

  @Handles(renew)
  async renew({ caller, params: { id }, headers }: RequestOf<typeof renew>): Promise<Answer> {
    await visible(caller, id);
    const order = await this.#quotas.submit(caller.tenant, id, traceparentIn(headers));
    return await this.#accepted(caller, order);
  }

  @Handles(renewAll)
  async renewAll({
    caller,
    headers,
    body: { issuer, due, cursor: from },
  }: RequestOf<typeof renewAll>): Promise<Answer> {
    const { provisioner } = caller.tenant.manager;
    const now = this.#clock.now().epochMilliseconds;
    const query = {
      cursor: from,
      where: (candidate: ManagedCertificate) =>
        !candidate.paused &&
        maySee(caller, candidate.names) &&
        (issuer ?? candidate.issuer) === candidate.issuer &&
        (!due ||
          candidate.failure !== undefined ||
          Date.parse(candidate.renewal?.at ?? candidate.createdAt) <= now),
    };
    const page = await provisioner.certificates.page({ ...query, limit: renewedAtOnce });
    const { orders, refusal } = await this.#submitAll(
      caller,
      page.certificates,
      traceparentIn(headers),
    );
    this.#scheduling.wake();
    if (refusal === undefined)
      return answer(202, { orders, next: page.next, scanned: page.scanned });
    // A repetition with `next` continues behind what was ordered.
    const { next, scanned } = await provisioner.certificates.page({
      ...query,
      limit: orders.length,
    });
    const seconds = Math.max(1, Math.ceil(refusal.retryAfter ?? 60));
    return answer(202, { orders, next, scanned }, { 'retry-after': String(seconds) });
  }

  @Handles(show)
  async show({ caller, params: { id } }: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, orderOf(await this.#order(caller, id), this.#paths));
  }

  @Handles(cancel)
  async cancel({ caller, params: { id } }: RequestOf<typeof cancel>): Promise<Answer> {
    await this.#order(caller, id);
    const order = await caller.tenant.manager.provisioner.cancel(id);
    this.#scheduling.wake();
    return answer(202, orderOf(order, this.#paths), {
      location: `/api/orders/${id}`,
      'retry-after': '1',
    });
  }

  @Handles(retry)
  async retry({ caller, params: { id } }: RequestOf<typeof retry>): Promise<Answer> {
    await this.#order(caller, id);
    await this.#quotas.order(caller.tenant);
    return await this.#accepted(caller, await caller.tenant.manager.provisioner.retry(id));
  }

  @Handles(events)
  async events({
    caller,
    params: { id },
    headers,
    signal,
  }: RequestOf<typeof events>): Promise<Answer> {
    const last = String(headers['last-event-id'] ?? '0');
    if (!/^\d{1,9}$/.test(last))
      throw new ServerError('ERR_SERVER_REQUEST', 'Last-Event-ID is not the number of a step', {
        errors: [{ parameter: 'Last-Event-ID', detail: 'write the number of a step' }],
      });
    const watch = this.#watches.begin({
      tenant: caller.tenant.name,
      id,
      read: async () => await caller.tenant.manager.provisioner.status(id),
      signal,
    });
    await this.#visible(caller, watch);
    const messages = this.#eventsOf({ caller, watch, signal }, Number(last));
    return answer(200, Readable.from(messages, { objectMode: false }), {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
  }

  /** The record is all there is to see, whichever process works on it. */
  async *#eventsOf({ caller, watch, signal }: OrderStream, seen: number): AsyncGenerator<string> {
    const endMs = this.#clock.monotonic() + longestStreamMs;
    let [step, state, records, spoken] = [seen, '', '', this.#clock.monotonic()];
    while (!signal.aborted && this.#clock.monotonic() < endMs) {
      const order = orderOf(await this.#visible(caller, watch), this.#paths);
      const news = order.steps
        .filter(({ number }) => number > step)
        .map((step) => message('step', step, step.number));
      step = order.steps.at(-1)?.number ?? step;
      // A try that fails at once ends in the state that it began in.
      const next = `${order.state} ${order.failure?.at ?? ''}`;
      if (next !== state)
        news.push(
          message('state', { state: order.state, at: order.updatedAt, failure: order.failure }),
        );
      state = next;
      const { records: nextRecords, recordsUntil } = order;
      const recordsText = nextRecords ? JSON.stringify({ records: nextRecords, recordsUntil }) : '';
      if (recordsText !== records)
        news.push(message('records', { records: nextRecords, recordsUntil }));
      records = recordsText;
      if (hasEnded(order)) return yield `${news.join('')}${message('end', order)}`;
      if (news.length === 0 && this.#clock.monotonic() - spoken > heartbeat)
        news.push(': still at it\n\n');
      if (news.length > 0) {
        yield news.join('');
        spoken = this.#clock.monotonic();
      }
      await watch.pause();
    }
  }

  async #visible(caller: Caller, watch: Watch<OrderStatus>): Promise<OrderStatus> {
    return assertVisible(caller, await watch.read());
  }

  /**
   * Orders certificates again, until the quota of the tenant is used up.
   * @throws ServerError `ERR_SERVER_QUOTA` where not one more can be ordered
   */
  async #submitAll(
    { tenant }: Caller,
    certificates: readonly ManagedCertificate[],
    traceparent: string | undefined,
  ): Promise<{ readonly orders: readonly string[]; readonly refusal?: ServerError }> {
    const orders: string[] = [];
    for (const { id } of certificates) {
      try {
        orders.push(await this.#quotas.submit(tenant, id, traceparent));
      } catch (error) {
        const isUsedUp = error instanceof ServerError && error.code === 'ERR_SERVER_QUOTA';
        if (!isUsedUp || orders.length === 0) throw error;
        return { orders, refusal: error };
      }
    }
    return { orders };
  }

  /** @param written the order, where it was just written: it is not read again */
  async #accepted(
    { tenant: { manager } }: Caller,
    id: string,
    written?: OrderStatus,
  ): Promise<Answer> {
    this.#scheduling.wake();
    const order = written ?? (await manager.provisioner.status(id));
    return answer(202, orderOf(order, this.#paths), {
      location: `/api/orders/${id}`,
      'retry-after': '2',
    });
  }

  async #order(caller: Caller, id: string): Promise<OrderStatus> {
    return assertVisible(caller, await caller.tenant.manager.provisioner.status(id));
  }
}

function message(event: string, data: object, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
