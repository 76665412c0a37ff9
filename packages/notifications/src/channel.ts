import type { Notification } from './notification.ts';

/** A way to a receiver. */
export interface Channel {
  /**
   * Sends a notification once. It may come to the receiver again, with the same id.
   * @throws NotificationsError `ERR_NOTIFICATIONS_REFUSED` where it would never be accepted; any
   * other failure is tried again
   */
  send(
    notification: Notification,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Receipt>;
}

/** What a receiver answered when it accepted a notification. */
export interface Receipt {
  readonly status: number;
  /** The beginning of its answer, without control characters. */
  readonly answer: string;
}
