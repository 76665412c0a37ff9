import type { Clock } from '@acmex/clock';
import { removeOldProofs } from '@acmex/revocation';
import { SessionStore } from './access/session-store.ts';
import type { Idempotency } from './http/idempotency.ts';
import { type Log, logError } from './log.ts';
import type { Tenant } from './tenants.ts';

export interface HousekeepingOptions {
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Removes old answers, sessions and proofs of revocation once an hour, until the signal aborts. */
export function startHousekeeping(options: HousekeepingOptions): void {
  const { clock, log, signal } = options;
  const loop = async () => {
    for (;;) {
      await clock.sleep({ hours: 1 }, { signal });
      await removeOld(options).catch((error: unknown) =>
        logError(log, 'old answers could not be removed', error),
      );
    }
  };
  loop().catch(() => {
    /* the server was stopped */
  });
}

async function removeOld({ tenants, idempotency, clock }: HousekeepingOptions): Promise<void> {
  for (const { storage, name } of tenants().values()) {
    await idempotency.prune(storage);
    await new SessionStore({ storage, tenant: name, clock }).prune();
    await removeOldProofs(storage, { clock });
  }
}
