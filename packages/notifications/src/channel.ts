import type { Notification } from './notification.ts';

/** How a receiver is reached. */
export type ChannelKind = 'webhook' | 'email';

/** A way to a receiver. */
export interface Channel {
  readonly kind: ChannelKind;
  /**
   * Sends a notification once. It may come to the receiver again, with the same id.
   * @throws NotificationsError `ERR_NOTIFICATIONS_REFUSED` where it would never be accepted; any
   * other failure is tried again
   */
  send(notification: Notification, options?: SendOptions): Promise<Receipt>;
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** The recipients that have the notification from an earlier attempt, as its error named them. */
  readonly acceptedBy?: readonly string[] | undefined;
}

/** What a receiver answered when it accepted a notification. */
export interface Receipt {
  readonly status: number;
  /** The beginning of its answer, without control characters. */
  readonly answer: string;
}
