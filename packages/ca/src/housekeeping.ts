import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { type Change, firstId, idOf, type Storage, untilWritten } from '@acmex/storage';
import { authorizations, coverageIds, validAuthorizations } from './authorization-records.ts';
import { currentCrl } from './crl.ts';
import { accountOrders, orders } from './order-records.ts';
import { pending } from './pending.ts';
import type { Service } from './service.ts';

/** Longer than anything that is removed is of use to anyone. */
const retention = { hours: 30 * 24 };
const hour = 3_600_000;

/**
 * Removes orders and authorizations that are older than a month: no one can continue with them.
 * Certificates, revocations and accounts stay. Ids sort by time, so that it reads what it removes
 * and no more. Safe at any time, and at several at once.
 */
export async function removeEnded(
  storage: Storage,
  {
    olderThan = retention,
    clock = systemClock,
    ...listing
  }: {
    readonly olderThan?: DurationInput;
    readonly clock?: Clock;
    readonly signal?: AbortSignal;
    /** Called with each record that cannot be read, which stays; by default the removal fails. */
    readonly onCorrupt?: (error: Error) => void;
  } = {},
): Promise<void> {
  const before =
    clock.now().epochMilliseconds - Math.max(milliseconds(olderThan), milliseconds({ hours: 72 }));
  for await (const stored of orders.list(storage, listing)) {
    if (stored.key >= orders.key(firstId('ord', before))) break;
    const entryId = `${stored.record.account}/${idOf(stored)}`;
    if (stored.record.status !== 'processing')
      await storage.write([
        { remove: stored.key },
        { remove: accountOrders.key(entryId) },
        { remove: pending.key(entryId) },
      ]);
  }
  for await (const stored of authorizations.list(storage, listing)) {
    if (stored.key >= authorizations.key(firstId('auth', before))) break;
    await untilWritten(async () => {
      await storage.write([
        { remove: stored.key },
        { remove: pending.key(`${stored.record.account}/${idOf(stored)}`) },
        ...(await coverageOf(storage, idOf(stored), coverageIds(stored.record))),
      ]);
    });
  }
}

/** What still leads to this authorization, and to no later one. */
async function coverageOf(
  storage: Storage,
  authorization: string,
  ids: readonly string[],
): Promise<readonly Change[]> {
  const all = await Promise.all(ids.map((id) => validAuthorizations.read(storage, id)));
  return all.flatMap((stored) =>
    stored?.record.authorization === authorization
      ? [{ remove: stored.key, ifVersion: stored.version }]
      : [],
  );
}

/** Once an hour, while there is traffic at all. */
export function housekeeping(service: Omit<Service, 'housekeeping'>): () => void {
  const { storage, clock, background } = service;
  let last = clock.monotonic();
  return () => {
    if (clock.monotonic() - last < hour) return;
    last = clock.monotonic();
    background.run('removal of what has ended', ({ signal }) =>
      removeEnded(storage, {
        clock,
        signal,
        onCorrupt: background.report('removal of what has ended'),
      }),
    );
    // Renewed at half of its life, so that a failure is known long before the list ends.
    background.run('renewal of the CRL', async () => {
      for (const issuer of (await service.issuers()).all)
        await currentCrl(
          { ...service, issuer },
          {
            onError: (error) => {
              throw error;
            },
          },
        );
    });
  };
}
