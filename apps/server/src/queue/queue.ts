import type { Clock } from '@acmex/clock';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { CLOCK } from '../clock.ts';
import { maySee } from '../access/caller.ts';
import { failureSchema, publicFailure } from '../certificates/failure.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId, cursor, limit } from '../http/fields.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';

const counts = z.object({
  urgent: z.number().int(),
  high: z.number().int(),
  normal: z.number().int(),
  low: z.number().int(),
});
const due = z.object({ certificate: z.string(), dueAt: z.string() });
const show = endpoint({
  method: 'GET',
  path: '/api/queue',
  scope: 'queue:read',
  summary: 'See what waits, what is late, and what fails',
  query: z.strictObject({
    limit,
    cursor: cursor.optional().describe('`next` of the page before, for more of what fails.'),
  }),
  answers: {
    200: {
      description:
        "The queue is a hint and counts all tenants; what is due and what fails are the tenant's own.",
      schema: z.object({
        waiting: counts,
        delayed: z.number().int(),
        running: z.number().int(),
        capacity: z.number().int().describe('How many can run at once, by all who work.'),
        groups: z
          .array(
            z.object({
              issuer: z.string(),
              waiting: counts,
              delayed: z.number().int(),
              running: z.number().int(),
            }),
          )
          .describe('Those of the tenant, by the CA.'),
        workers: z
          .array(z.object({ name: z.string(), capacity: z.number().int(), since: z.string() }))
          .optional()
          .describe('Processes that work, where several share the queue.'),
        due: z
          .array(due)
          .describe('What is due by now and not done, the oldest first; a hundred at most.'),
        late: due.optional().describe('The oldest, where nothing is done for it.'),
        failing: z.array(
          z.object({
            certificate: z.string(),
            names: z.array(z.string()),
            order: z.string().optional(),
            failure: failureSchema.optional(),
            deployFailure: failureSchema.optional(),
          }),
        ),
        next: z.string().optional(),
      }),
    },
  },
});
const replay = endpoint({
  method: 'POST',
  path: '/api/queue/replay',
  scope: 'queue:write',
  summary: 'Try what failed again now',
  body: z.strictObject({
    certificates: z
      .array(certificateId)
      .min(1)
      .max(500)
      .optional()
      .describe('All that fail by default, 500 at most.'),
  }),
  answers: {
    202: {
      description: 'They are due now.',
      schema: z.object({
        certificates: z.array(z.string()),
        next: z.string().optional().describe('There are more that fail.'),
      }),
    },
  },
});

/** Groups are `SCOPE/ISSUER`, or the issuer alone. */
const scopeOf = (group: string) => group.slice(0, Math.max(0, group.indexOf('/')));

@Injectable()
export class Queue {
  readonly #scheduling: Scheduling;
  readonly #clock: Clock;
  readonly #paths: ServerPaths;

  constructor(
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(CLOCK) clock: Clock,
    @Inject(SERVER_PATHS) paths: ServerPaths,
  ) {
    this.#paths = paths;
    this.#clock = clock;
    this.#scheduling = scheduling;
  }

  @Handles(show)
  async show({ caller, query }: RequestOf<typeof show>): Promise<Answer> {
    const { certificates } = caller.tenant.manager.provisioner;
    const all = [];
    for await (const { id, at } of certificates.due(this.#clock.now(), { limit: 100 })) {
      const managed = await certificates.find(id);
      if (managed && maySee(caller, managed.names)) all.push({ certificate: id, dueAt: at });
    }
    const late = this.#scheduling.late();
    const page = await certificates.page({
      ...query,
      failing: true,
      where: ({ names }) => maySee(caller, names),
    });
    const failing = page.certificates.map(({ id, names, order, failure, deployFailure }) => ({
      certificate: id,
      names,
      order,
      failure: publicFailure(failure, this.#paths),
      deployFailure: publicFailure(deployFailure, this.#paths),
    }));
    const { groups, ...counted } = await this.#scheduling.counts();
    const tenantGroups = groups.flatMap(({ group, ...groupCounts }) =>
      scopeOf(group) === caller.tenant.scope
        ? [{ issuer: group.slice(group.indexOf('/') + 1), ...groupCounts }]
        : [],
    );
    return answer(200, {
      ...counted,
      groups: tenantGroups,
      workers: await this.#scheduling.team?.workers(),
      due: all,
      late: all.find(({ certificate }) => late?.id.endsWith(certificate)),
      failing,
      next: page.next,
    });
  }

  @Handles(replay)
  async replay({
    caller,
    body: { certificates: named },
  }: RequestOf<typeof replay>): Promise<Answer> {
    const { provisioner } = caller.tenant.manager;
    const { certificates, next } = await provisioner.certificates.page({
      failing: true,
      limit: 500,
      where: ({ id, names }) => maySee(caller, names) && (named?.includes(id) ?? true),
    });
    for (const { id } of certificates) await provisioner.retryNow(id);
    this.#scheduling.wake();
    return answer(202, { certificates: certificates.map(({ id }) => id), next });
  }
}
