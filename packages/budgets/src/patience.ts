/** So long an order waits for one CA, although another one may issue at once. */
const longestWaitMs = 600_000;
/** So long a renewal waits: a share of the time from its planned time to the expiry. */
const waitShare = 1 / 4;

/** An order of a certificate that several CAs may issue. Times are in milliseconds. */
export interface PatientOrder {
  readonly now: number;
  /** When the certificate in use expires; absent without one. */
  readonly end?: number | undefined;
  /** When it was to be renewed; absent for an order that is wanted now. */
  readonly planned?: number | undefined;
}

/**
 * Returns until when an order waits for the limits of a CA, where the next CA may issue at once. A
 * renewal may be late by a quarter of the time that is left at its planned time: it is better
 * renewed at the CA that knows it. What is wanted now waits ten minutes.
 */
export function longestWait({ now, end = Infinity, planned }: PatientOrder): number {
  const soon = now + Math.min(longestWaitMs, (end - now) * waitShare);
  return planned === undefined ? soon : Math.max(soon, planned + (end - planned) * waitShare);
}
