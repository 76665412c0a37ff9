import type { Clock } from '@acmex/clock';
import { removeOldProofs } from '@acmex/revocation';
import { configuredKeyId } from './access/api-key.ts';
import type { Authenticator } from './access/authenticator.ts';
import { type CalendarToken, CalendarTokenStore } from './access/calendar-token-store.ts';
import { SessionStore } from './access/session-store.ts';
import type { Idempotency } from './http/idempotency.ts';
import { type Log, logError } from './log.ts';
import type { Tenant } from './tenants.ts';

export interface HousekeepingOptions {
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly authenticator: Pick<Authenticator, 'holderOf'>;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * How long a token of a configured key is not used before it counts as ended where the configuration
 * has no such key: that of another process may have it.
 */
const unusedMs = 90 * 86_400_000;

/** Removes old answers, sessions, calendar tokens and proofs of revocation once an hour, until the signal aborts. */
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

async function removeOld(options: HousekeepingOptions): Promise<void> {
  const { tenants, idempotency, clock } = options;
  for (const tenant of tenants().values()) {
    const { storage, name } = tenant;
    await idempotency.prune(storage);
    await new SessionStore({ storage, tenant: name, clock }).prune();
    await new CalendarTokenStore({ storage, tenant: name, clock }).prune(
      async (token) => await hasKeyEnded(tenant, token, options),
    );
    await removeOldProofs(storage, { clock });
  }
}

async function hasKeyEnded(
  tenant: Tenant,
  token: CalendarToken,
  { authenticator, clock }: HousekeepingOptions,
): Promise<boolean> {
  if (await authenticator.holderOf(tenant, token)) return false;
  const usedMs = Date.parse(token.lastUsedAt ?? token.createdAt);
  return token.key !== configuredKeyId || clock.now().epochMilliseconds - usedMs > unusedMs;
}
