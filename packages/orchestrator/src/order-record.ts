import type { Clock } from '@acmex/clock';
import { type Change, records } from '@acmex/storage';
import type { Failure } from './certificate-record.ts';
import type { OrderedSpec } from './certificate-spec.ts';
import { eventChange } from './events.ts';
import type { JsonObject } from './json.ts';

export type OrderState = 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type OrderCause = 'obtain' | 'renewal' | 'suggested' | 'request';

/** Something that was seen on the way of an order. */
export interface OrderStep {
  /** Counted from 1. */
  readonly number: number;
  /** RFC 3339 */
  readonly at: string;
  readonly type: string;
  readonly name?: string | undefined;
  readonly message?: string | undefined;
}

/** The work of getting one certificate: it lives in storage, and doing it again goes on with it. Holds no secret. */
export interface OrderRecord {
  readonly certificate: string;
  readonly names: readonly string[];
  readonly issuer: string;
  readonly cause: OrderCause;
  readonly explanationUrl?: string | undefined;
  /** Whether a failure is the end of it, or it is tried again. */
  readonly onFailure: 'retry' | 'end';
  readonly state: OrderState;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** What key and request were prepared for. */
  readonly preparedFor?: OrderedSpec | undefined;
  /** base64, DER */
  readonly csr?: string | undefined;
  /** SubjectPublicKeyInfo, base64 */
  readonly publicKey?: string | undefined;
  /** The issuer's own; opaque. */
  readonly issuance?: JsonObject | undefined;
  /** The order's URL at the CA. */
  readonly url?: string | undefined;
  /** The newest hundred. */
  readonly steps: readonly OrderStep[];
  readonly failure?: Failure | undefined;
  readonly cancelRequested?: boolean | undefined;
  /** How many orders may lie unused at the CA, because a process ended while it made them. */
  readonly orphaned: number;
  /** The generation that came of it. */
  readonly generation?: number | undefined;
  /** By which whoever asked for it finds its traces. W3C Trace Context §3.2 */
  readonly traceparent?: string | undefined;
}

export const orders = records<OrderRecord>({
  kind: 'order',
  version: 2,
  // Version 2 adds `preparedFor`, which may be absent.
  upgrades: { 1: (record) => record },
  under: 'order',
  many: true,
});
/** The private key of an order that is under way: in a record of its own, since it is a secret. */
export const orderKeys = records<{ readonly privateKey: string }>({
  kind: 'key of an order',
  version: 1,
  under: 'order-key',
  secret: true,
});

export function hasEnded({ state }: Pick<OrderRecord, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** Why an order is made, and what a failure of it means. */
export type OrderReason = Pick<
  OrderRecord,
  'cause' | 'explanationUrl' | 'onFailure' | 'traceparent'
>;

/** A new order for a certificate, with its event. */
export function orderChanges(
  order: string,
  {
    certificate,
    names,
    issuer,
    reason,
  }: Pick<OrderRecord, 'certificate' | 'names' | 'issuer'> & { readonly reason: OrderReason },
  clock: Clock,
): readonly Change[] {
  const now = clock.now().toString();
  const { explanationUrl } = reason;
  return [
    orders.added(order, {
      certificate,
      names,
      issuer,
      ...reason,
      state: 'pending',
      createdAt: now,
      updatedAt: now,
      steps: [],
      orphaned: 0,
    }),
    eventChange(
      { type: 'renewal_started', certificate, order, names, issuer, explanationUrl },
      clock,
    ),
  ];
}
