import { Temporal } from 'temporal-polyfill';
import { idOf } from '@acmex/storage';
import { orders } from './order-records.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';
import { count, recordsOf, time } from './stored.ts';
import * as z from 'zod';

/**
 * What an account has begun and not ended, as `<account>/<order or authorization>`: never more than
 * the limits, so that counting is cheap.
 */
export const pending = recordsOf<{ readonly authorizations: number; readonly expires: string }>(
  'pending',
  z.looseObject({ authorizations: count, expires: time }),
);

/**
 * Makes sure that an account may begin something with so many authorizations. What has ended by
 * time or by failure is struck off when the limit is met, since nothing is written at those
 * moments.
 * @throws Refusal `rateLimited`
 */
export async function checkPending(
  service: Pick<Service, 'storage' | 'limits' | 'clock'>,
  account: string,
  authorizations: number,
): Promise<void> {
  const {
    limits: { pendingOrders, pendingAuthorizations },
  } = service;
  if (await within(service, account, authorizations)) return;
  await strikeOff(service, account);
  if (await within(service, account, authorizations)) return;
  throw refusal(
    'rateLimited',
    `the account has begun too much at once: it may have ${pendingOrders} orders and ${pendingAuthorizations} authorizations that are pending`,
    { headers: { 'retry-after': '3600' } },
  );
}

async function within(
  { storage, limits }: Pick<Service, 'storage' | 'limits'>,
  account: string,
  more: number,
): Promise<boolean> {
  let [count, sum] = [1, more];
  for await (const { record } of pending.list(storage, { under: account })) {
    count += 1;
    sum += record.authorizations;
  }
  return count <= limits.pendingOrders && sum <= limits.pendingAuthorizations;
}

async function strikeOff(
  { storage, clock }: Pick<Service, 'storage' | 'clock'>,
  account: string,
): Promise<void> {
  for await (const stored of pending.list(storage, { under: account })) {
    const ended =
      Temporal.Instant.compare(stored.record.expires, clock.now()) <= 0 ||
      (await orders.read(storage, idOf(stored)))?.record.status === 'invalid';
    if (ended) await storage.write([{ remove: stored.key }]);
  }
}
