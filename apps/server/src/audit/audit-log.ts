import { type AuditedActionType, auditedActionTypes } from '@acmex/ca/vocabulary';
import type { Clock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import {
  AuditError,
  type AuditFault,
  type ListedAuditRecord,
  listAuditRecords,
  verifyAuditLog,
} from '@acmex/observability/audit';
import { type EventType, eventTypes } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { type Caller, isOperator, maySee } from '../access/caller.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId, limit, moment, pageOf, sortedBy, timeCursor } from '../http/fields.ts';
import { STORAGE } from '../health/health.ts';
import { type TimedList, timePage } from '../http/time-page.ts';
import { defaultTenant } from '../tenants.ts';

const recordedTypes = [...eventTypes, ...Object.keys(auditedActionTypes)] as [
  EventType | AuditedActionType,
  ...(EventType | AuditedActionType)[],
];
const text = z.string().optional();
export const originSchema = z
  .object({ program: text, host: text, user: text, actor: text, address: text, traceId: text })
  .describe('Who asked for it, and from where.');
const recordSchema = z
  .object({
    id: z.string(),
    time: z.string(),
    writer: z.string().describe('The chain that the record belongs to: one of each process.'),
    sequence: z.number().describe('Its place in the chain.'),
    previous: z
      .string()
      .describe('SHA-256 of the previous record of the chain; empty for the first.'),
    origin: originSchema,
    actions: z.array(
      z.object({
        event: z.string().describe('The id of the event.'),
        type: z.string().describe('The type of the event.'),
        names: z.array(z.string()).optional(),
        ...{ tenant: text, certificate: text, order: text, issuer: text, actor: text },
        ...{ message: text, code: text, traceId: text },
      }),
    ),
  })
  .meta({ id: 'AuditRecord' });

const list = endpoint({
  method: 'GET',
  path: '/api/audit',
  scope: 'audit:read',
  summary: 'Read who did what',
  query: z.strictObject({
    sort: sortedBy,
    type: z
      .enum(recordedTypes)
      .optional()
      .describe('The type of an event of the record, or of what the own CA did.'),
    actor: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('The id of a key, the name of the holder of a token, or a user of a host.'),
    certificate: certificateId.optional(),
    since: moment.optional(),
    until: moment.optional().describe('Before this moment.'),
    limit,
    cursor: timeCursor('aud').optional(),
  }),
  answers: {
    200: {
      description:
        'A page of records; 2,000 are looked at for it at most. A key of the default tenant sees all, any other key those of its own tenant.',
      schema: pageOf(recordSchema),
    },
  },
});

const verify = endpoint({
  method: 'GET',
  path: '/api/audit/verify',
  scope: 'audit:read',
  summary: 'Find out whether the audit log was changed, or a part of it is missing',
  query: z.strictObject({
    checkpoint: z
      .string()
      .max(100_000)
      .optional()
      .describe('A checkpoint from outside, as a JWS: it finds a storage that was replaced.'),
  }),
  answers: {
    200: {
      description: 'Nothing was changed, and nothing is missing.',
      schema: z.object({
        records: z.number(),
        writers: z.number(),
        checkpoints: z.number(),
      }),
    },
  },
});

/** The audit log over HTTP. */
@Injectable()
export class AuditLog {
  readonly #storage: Storage;
  readonly #clock: Clock;
  #isVerifying = false;

  constructor(@Inject(STORAGE) storage: Storage, @Inject(CLOCK) clock: Clock) {
    this.#storage = storage;
    this.#clock = clock;
  }

  @Handles(list)
  async list({
    caller,
    query: { type, actor, certificate, ...page },
  }: RequestOf<typeof list>): Promise<Answer> {
    const { items, next, scanned } = await timePage(timedRecords(this.#storage, caller), {
      ...page,
      nowMs: this.#clock.now().epochMilliseconds,
      where: (record) => concerns(record, { type, actor, certificate }),
    });
    return answer(200, { items, next, scanned });
  }

  /**
   * @throws AuditError `ERR_AUDIT_DAMAGED`, `ERR_AUDIT_CHECKPOINT`; ServerError
   * `ERR_SERVER_FORBIDDEN`, `ERR_SERVER_BUSY`
   */
  @Handles(verify)
  async verify({
    caller,
    query: { checkpoint },
    signal,
  }: RequestOf<typeof verify>): Promise<Answer> {
    if (!isOperator(caller))
      throw new ServerError(
        'ERR_SERVER_FORBIDDEN',
        'the audit log has what every tenant does: verify it with a key of the default tenant that may use all names',
      );
    if (this.#isVerifying)
      throw new ServerError('ERR_SERVER_BUSY', 'the audit log is being verified', {
        retryAfter: 5,
      });
    this.#isVerifying = true;
    try {
      const { faults, faultCount, ...counts } = await verifyAuditLog(this.#storage, {
        checkpoints: checkpoint === undefined ? [] : [checkpoint],
        signal,
      });
      if (faultCount > 0) throw damaged(faults, faultCount);
      return answer(200, counts);
    } finally {
      this.#isVerifying = false;
    }
  }
}

/** Returns the records with what a caller may see of them; without actions where that is nothing. */
function timedRecords(storage: Storage, caller: Caller): TimedList<ListedAuditRecord> {
  return {
    prefix: 'aud',
    async *list(options) {
      for await (const record of listAuditRecords(storage, options))
        yield visibleTo(caller, record);
    },
  };
}

interface Sought {
  readonly type: string | undefined;
  readonly actor: string | undefined;
  readonly certificate: string | undefined;
}

/** Returns whether one action of a record, and who did it, is what is looked for. */
function concerns(
  { origin, actions }: ListedAuditRecord,
  { type, actor, certificate }: Sought,
): boolean {
  return actions.some(
    (action) =>
      (type ?? action.type) === action.type &&
      (certificate ?? action.certificate) === action.certificate &&
      (actor === undefined || [action.actor, origin.actor, origin.user].includes(actor)),
  );
}

function damaged(faults: readonly AuditFault[], count: number): AuditError {
  const first = faults.slice(0, 3).map(({ subject, message }) => `${subject}: ${message}`);
  return new AuditError(
    'ERR_AUDIT_DAMAGED',
    `the audit log has ${count} ${count === 1 ? 'fault' : 'faults'}: ${printable(first.join('; '), 1000)}${count > 3 ? '; and more' : ''}`,
  );
}

/** Returns what a caller may see of a record; one without actions for nothing. */
function visibleTo(caller: Caller, record: ListedAuditRecord): ListedAuditRecord {
  if (isOperator(caller)) return record;
  const isDefault = caller.tenant.name === defaultTenant;
  const actions = record.actions.filter(
    ({ tenant = defaultTenant, names }) =>
      (isDefault || tenant === caller.tenant.name) &&
      (names === undefined ? caller.names.includes('*') : maySee(caller, names)),
  );
  return { ...record, actions };
}
