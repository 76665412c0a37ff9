import { defineErrors, type ErrorTable } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';

/** The error codes of this package. */
export const notificationsErrors = {
  ERR_NOTIFICATIONS_ANSWER: {
    meaning: 'A receiver did not accept a notification. It is sent again for a day.',
    cure: 'Check the receiver; the message says what it answered.',
    exit: 4,
    http: 502,
  },
  ERR_NOTIFICATIONS_REFUSED: {
    meaning: 'A receiver says that the notification itself is wrong. It is not sent again.',
    cure: 'Check the format and the template of the receiver, then replay the notification.',
    exit: 4,
    http: 502,
    fixedBy: 'person',
  },
  ERR_NOTIFICATIONS_URL: {
    meaning: 'The URL of a receiver cannot be used.',
    cure: 'Write a URL that begins with https://, or set allow_http for the receiver.',
    exit: 2,
    http: 422,
  },
  ERR_NOTIFICATIONS_TLS: {
    meaning: 'A mail would leave this machine without TLS. It is not sent.',
    cure: 'Use tls = "starttls" or tls = "implicit" for the receiver.',
    exit: 2,
    http: 422,
  },
  ERR_NOTIFICATIONS_TEMPLATE: {
    meaning: 'The template of a receiver cannot be used.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_NOTIFICATIONS_RECEIVER: {
    meaning: 'There is no receiver with this name.',
    cure: 'Use a name from [[notifications.webhooks]] or [[notifications.email]] of acmex.toml.',
    exit: 2,
    http: 404,
  },
  ERR_NOTIFICATIONS_DELIVERY: {
    meaning: 'There is no dead letter with this id.',
    cure: 'Use an id that acmex notify list shows as dead.',
    exit: 2,
    http: 404,
  },
} as const satisfies ErrorTable<'NOTIFICATIONS'>;

export type NotificationsErrorCode = keyof typeof notificationsErrors;

/** A failure of a notification. It names the receiver's host, never its URL or a credential. */
export class NotificationsError extends defineErrors('Notifications', notificationsErrors) {
  /** When the receiver allows the next attempt, if it says so. */
  readonly retryAfter: Temporal.Instant | undefined;
  /** The recipients that have accepted the notification all the same. */
  readonly acceptedBy: readonly string[] | undefined;

  constructor(
    code: NotificationsErrorCode,
    message: string,
    { retryAfter, acceptedBy, ...options }: NotificationsErrorOptions = {},
  ) {
    super(code, message, options);
    this.retryAfter = retryAfter;
    this.acceptedBy = acceptedBy;
  }
}

export interface NotificationsErrorOptions extends ErrorOptions {
  readonly retryAfter?: Temporal.Instant | undefined;
  readonly acceptedBy?: readonly string[] | undefined;
}
