import { type Clock, timestamp } from '@acmex/clock';
import { type Change, records, schemaCheck } from '@acmex/storage';
import {
  type ChainWithKey,
  chainWithKeyShape,
  type Failure,
  failureSchema,
} from './certificate-record.ts';
import { type OrderedSpec, orderedSpecSchema } from './certificate-spec.ts';
import { eventChange } from './events.ts';
import type { JsonObject } from './json.ts';
import { type ChargedOrder, chargedSchema } from './order-budget.ts';
import * as z from 'zod';
import { certificateId, count, jsonObject, texts, time, traceparent } from './record-fields.ts';
import { continuedTrace, traceIdOf } from './trace-context.ts';

export type OrderState = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type OrderCause = 'obtain' | 'renewal' | 'suggested' | 'revoked' | 'request';

/** A step of an order. */
export interface OrderStep {
  /** Starts at 1. */
  readonly number: number;
  /** RFC 3339 */
  readonly at: string;
  readonly type: string;
  readonly name?: string | undefined;
  readonly message?: string | undefined;
}

/**
 * A DNS record that a person sets for an order. `wanted`: it was not seen at every server; `seen`: it
 * was, at the last look; `removable`: the order does not need it any more.
 */
export interface OrderDnsRecord {
  readonly type: 'TXT';
  /** The whole name, without a final dot. */
  readonly name: string;
  readonly value: string;
  /** The name that it validates, which may be a wildcard. */
  readonly domain: string;
  readonly state: 'wanted' | 'seen' | 'removable';
}

/**
 * The first certificate of a pair, which is issued and waits for the second. Its chain is beside the
 * key of the order.
 */
export interface HeldFirst {
  readonly preparedFor: OrderedSpec;
  readonly reusesKey: boolean;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly warnings: readonly string[];
}

/**
 * The work of getting a certificate. It is stored without secrets, and executing it again continues
 * it.
 */
export interface OrderRecord {
  readonly certificate: string;
  readonly names: readonly string[];
  /** The one that it was last made at; at first the preferred one. */
  readonly issuer: string;
  readonly cause: OrderCause;
  readonly explanationUrl?: string | undefined;
  /**
   * `end`: the order ends with its first failure, unless the CA is at work on it: see `isAtWork`.
   * `retry`: it is tried again.
   */
  readonly onFailure: 'retry' | 'end';
  readonly state: OrderState;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** What key and request were created for. */
  readonly preparedFor?: OrderedSpec | undefined;
  /** base64, DER */
  readonly csr?: string | undefined;
  /** SubjectPublicKeyInfo, base64 */
  readonly publicKey?: string | undefined;
  /** Whether `publicKey` is that of the certificate in use; absent in records of version 1. */
  readonly reusesKey?: boolean | undefined;
  /** The first certificate of a pair: `csr`, `issuance` and the like are then of the second. */
  readonly first?: HeldFirst | undefined;
  /** The issuer's state; opaque. */
  readonly issuance?: JsonObject | undefined;
  /** The order's URL at the CA. */
  readonly url?: string | undefined;
  /** The newest hundred steps. */
  readonly steps: readonly OrderStep[];
  /** The DNS records that a person sets, or has set, for it. */
  readonly records?: readonly OrderDnsRecord[] | undefined;
  /** Until when they can be set, RFC 3339; absent where the CA does not say, or none is wanted. */
  readonly recordsUntil?: string | undefined;
  readonly failure?: Failure | undefined;
  /** How many issued certificates in a row were not what was ordered. */
  readonly refused?: number | undefined;
  /** What it has taken of the budget of its CA. */
  readonly charged?: ChargedOrder | undefined;
  /** The CA and the key of the bucket of its budget that it waits for, or has waited for. */
  readonly waitedFor?: string | undefined;
  /** Whether the CA has refused it for a limit, so that nothing is taken for exempt. */
  readonly countsInFull?: boolean | undefined;
  /** How often the CA has not ended its work on the present order in time. */
  readonly unfinished?: number | undefined;
  readonly cancelRequested?: boolean | undefined;
  /** Whether it attempts to take names back that are left out. Its failure is not the certificate's. */
  readonly takesBack?: boolean | undefined;
  /** How many orders may be unused at the CA, because a process ended while it created them. */
  readonly orphaned: number;
  /** The generation that was issued. */
  readonly generation?: number | undefined;
  /**
   * The trace of the order: that of the request for it, else a new one. Absent in records of earlier
   * versions. W3C Trace Context §3.2
   */
  readonly traceparent?: string | undefined;
  /** The labels of the certificate when it was ordered. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export type OrderStatus = OrderRecord & { readonly id: string };

const orderSchema = z.looseObject({
  certificate: certificateId,
  names: texts,
  issuer: z.string(),
  cause: z.enum(['obtain', 'renewal', 'suggested', 'revoked', 'request']),
  explanationUrl: z.string().optional(),
  onFailure: z.enum(['retry', 'end']),
  state: z.enum(['pending', 'running', 'succeeded', 'failed', 'cancelled']),
  createdAt: time,
  updatedAt: time,
  preparedFor: orderedSpecSchema.optional(),
  csr: z.string().optional(),
  publicKey: z.string().optional(),
  reusesKey: z.boolean().optional(),
  first: z
    .looseObject({
      preparedFor: orderedSpecSchema,
      reusesKey: z.boolean(),
      serialNumber: z.string(),
      notBefore: time,
      notAfter: time,
      warnings: texts,
    })
    .optional(),
  issuance: jsonObject.optional(),
  url: z.string().optional(),
  steps: z.array(
    z.looseObject({
      number: count,
      at: time,
      type: z.string(),
      name: z.string().optional(),
      message: z.string().optional(),
    }),
  ),
  records: z
    .array(
      z.looseObject({
        type: z.literal('TXT'),
        name: z.string(),
        value: z.string(),
        domain: z.string(),
        state: z.enum(['wanted', 'seen', 'removable']),
      }),
    )
    .optional(),
  recordsUntil: time.optional(),
  failure: failureSchema.optional(),
  charged: chargedSchema.optional(),
  waitedFor: z.string().optional(),
  countsInFull: z.boolean().optional(),
  cancelRequested: z.boolean().optional(),
  takesBack: z.boolean().optional(),
  orphaned: count,
  refused: count.optional(),
  unfinished: count.optional(),
  generation: count.optional(),
  labels: z.record(z.string(), z.string()).optional(),
  traceparent,
});
export const orders = records<OrderRecord>({
  kind: 'order',
  version: 3,
  check: schemaCheck(orderSchema),
  // Version 2 adds `preparedFor` and version 3 `refused`, which may be absent.
  upgrades: { 1: (record) => record, 2: (record) => record },
  under: 'order',
  many: true,
});
/**
 * The private key of an order that is under way: in a separate record, because it is a secret; and
 * with it, the first certificate of a pair.
 */
export const orderKeys = records<{
  readonly privateKey: string;
  readonly first?: ChainWithKey | undefined;
}>({
  kind: 'key of an order',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      privateKey: z.string(),
      first: z.looseObject(chainWithKeyShape).optional(),
    }),
  ),
  under: 'order-key',
  secret: true,
});

/** Whether an order has ended, in whatever way. */
export function hasEnded({ state }: Pick<OrderRecord, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** Why an order is created, and what a failure of it means. */
export type OrderReason = Pick<
  OrderRecord,
  'cause' | 'explanationUrl' | 'onFailure' | 'takesBack' | 'traceparent'
>;

/** Returns the whole reason for an order. It has a trace, a new one where none is continued. */
export function orderReason(
  {
    cause,
    explanationUrl,
    onFailure = 'retry',
    takesBack,
    traceparent: continued,
  }: Partial<OrderReason>,
  usualCause: OrderCause,
): OrderReason {
  return {
    cause: cause ?? usualCause,
    explanationUrl,
    onFailure,
    ...(takesBack ? { takesBack } : {}),
    traceparent: continuedTrace(continued),
  };
}

/** An order that is not written yet. */
export interface NewOrder {
  readonly status: OrderStatus;
  /** Writes it. Comes before the record that names it: others may read between two keys of a write. */
  readonly added: Change;
  /** Returns its event, which is later than all events that were made before. */
  readonly started: () => Change;
}

/** Makes an order for a certificate. */
export function newOrder(
  id: string,
  {
    certificate,
    names,
    issuer,
    labels,
    reason,
  }: Pick<OrderRecord, 'certificate' | 'names' | 'issuer'> & {
    readonly labels: OrderRecord['labels'];
    readonly reason: OrderReason;
  },
  clock: Clock,
): NewOrder {
  const now = timestamp(clock.now());
  const { explanationUrl } = reason;
  const traceId = traceIdOf(reason.traceparent);
  const record: OrderRecord = {
    certificate,
    names,
    issuer,
    labels,
    ...reason,
    state: 'pending',
    createdAt: now,
    updatedAt: now,
    steps: [],
    orphaned: 0,
  };
  const event = { certificate, order: id, names, issuer, labels, explanationUrl, traceId };
  return {
    status: { id, ...record },
    added: orders.added(id, record),
    started: () => eventChange({ type: 'renewal_started', ...event }, clock),
  };
}

/** Whether there is an order at the CA that can be continued. */
export function isOrdered({ issuance }: Pick<OrderRecord, 'issuance'>): boolean {
  return typeof issuance?.order === 'string';
}
