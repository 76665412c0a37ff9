import { type DurationInput, milliseconds } from '@acmex/clock';

/** How a task's lock is held in BullMQ, in milliseconds. */
export interface LockTimes {
  /** How long a process may be silent before it has lost its tasks. */
  readonly lockDuration: number;
  /** How often a process renews its locks. BullMQ recommends half of `lockDuration` or less. */
  readonly lockRenewTime: number;
  /**
   * How often lost tasks are looked for. One check serves all processes, and comes twice as late
   * when the process that was about to do it has died.
   */
  readonly stalledInterval: number;
}

/**
 * Returns the times that follow from a lease. With 10 seconds, another process takes a lost task
 * within 15 seconds. Three of four renewals may come late before a lock ends.
 */
export function lockTimes(lease: DurationInput): LockTimes {
  const lockDuration = milliseconds(lease);
  return { lockDuration, lockRenewTime: lockDuration / 4, stalledInterval: lockDuration / 5 };
}
