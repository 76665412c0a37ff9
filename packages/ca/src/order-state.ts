import type { Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { type AuthorizationRecord, authorizations, statusOf } from './authorization-records.ts';
import type { OrderRecord } from './order-records.ts';
import { problem, type ProblemDocument } from './problems.ts';
import type { Service } from './service.ts';

export interface OrderState {
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly error?: ProblemDocument | undefined;
}

/**
 * How far an order has come: an open one is what its authorizations and the time make of it. RFC
 * 8555 §7.1.6
 */
export async function orderState(
  { storage, clock }: Pick<Service, 'storage' | 'clock'>,
  order: OrderRecord,
): Promise<OrderState> {
  const all = order.status === 'open' ? await authorizationsOf(storage, order) : [];
  return stateOf(order, all, clock.now());
}

/** Reads the authorizations of an order; undefined for one that is not there. */
export async function authorizationsOf(
  storage: Storage,
  { authorizations: ids }: OrderRecord,
): Promise<readonly (AuthorizationRecord | undefined)[]> {
  return await Promise.all(ids.map(async (id) => (await authorizations.read(storage, id))?.record));
}

/** The same as `orderState`, where its authorizations are known. */
export function stateOf(
  order: OrderRecord,
  all: readonly (AuthorizationRecord | undefined)[],
  now: Temporal.Instant,
): OrderState {
  if (order.status !== 'open') return { status: order.status, error: order.error };
  if (Temporal.Instant.compare(order.expires, now) <= 0)
    return {
      status: 'invalid',
      error: problem('malformed', 'the order has expired: make another'),
    };
  const known = all.filter((authorization) => authorization !== undefined);
  const failed = known.filter(
    (authorization) => !['pending', 'valid'].includes(statusOf(authorization, now)),
  );
  if (failed.length > 0 || known.length < all.length)
    return { status: 'invalid', error: failure(failed, now) };
  return {
    status: known.every((authorization) => statusOf(authorization, now) === 'valid')
      ? 'ready'
      : 'pending',
  };
}

/**
 * Why names were not proven: the only reason itself, or each below a common one. RFC 8555 §6.7.1
 */
function failure(failed: readonly AuthorizationRecord[], now: Temporal.Instant): ProblemDocument {
  const reasons = failed.map(
    (authorization) =>
      authorization.challenges.find(({ error }) => error)?.error ??
      problem('unauthorized', `the authorization is ${statusOf(authorization, now)}`, {
        identifier: authorization.identifier,
      }),
  );
  const [first] = reasons;
  if (first && reasons.length === 1) return first;
  return problem('compound', `${reasons.length} names were not proven: see each subproblem`, {
    subproblems: reasons,
  });
}
