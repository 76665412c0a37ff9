import { AsyncLocalStorage } from 'node:async_hooks';
import type { AuditOrigin } from './audit-record.ts';

const origins = new AsyncLocalStorage<AuditOrigin>();

/** Does work whose audit records say who asked for it: `actor`, `address`, `traceId`. */
export function withAuditOrigin<T>(origin: AuditOrigin, work: () => T): T {
  return origins.run({ ...origins.getStore(), ...origin }, work);
}

/** Returns who asked for what is done at present. */
export function currentAuditOrigin(): AuditOrigin {
  return origins.getStore() ?? {};
}
