import { type Clock, parseRetryAfter, systemClock } from '@acmex/clock';
import type { EgressFetch, EgressHead } from '@acmex/egress';
import { webhookHeaders } from '@acmex/egress/standard-webhooks';
import { answerText } from './answer-text.ts';
import type { Channel, Receipt } from './channel.ts';
import { NotificationsError } from './errors.ts';
import type { Notification } from './notification.ts';
import { type Format, webhookFormats } from './formats.ts';
import {
  assertReceiverUrl,
  type Credential,
  receiverFetch,
  type ReceiverOptions,
  redirectText,
  secretsOfUrl,
} from './receiver-url.ts';
import { bearer } from './template.ts';

export interface WebhookSenderOptions extends ReceiverOptions {
  /** Returns the key that signs each message; without it, messages are not signed. */
  readonly key?: (() => Promise<Uint8Array>) | undefined;
  /** Sent as `Authorization: Bearer`, or as the format sends it. */
  readonly token?: Credential | undefined;
}

export interface WebhookOptions extends WebhookSenderOptions {
  /** `json` by default. */
  readonly format?: Format | undefined;
}

/** What is sent to a URL. */
export interface WebhookMessage {
  /** Stays the same when the message is sent again. */
  readonly id: string;
  readonly contentType: string;
  /** @param token of the receiver, if it has one */
  body(token: string | undefined): string;
  /** Returns headers, with the token; `Authorization: Bearer` and the token by default. */
  headers?(token: string | undefined): Readonly<Record<string, string>> | undefined;
}

/** Sends messages to one URL. */
export interface WebhookSender {
  /**
   * Sends a message once.
   * @throws NotificationsError `ERR_NOTIFICATIONS_REFUSED` where it would never be accepted,
   * `ERR_NOTIFICATIONS_ANSWER`, `ERR_NOTIFICATIONS_URL`; EgressError
   */
  send(
    message: WebhookMessage,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Receipt>;
}

/** At most this much of an answer is read. */
const longestAnswer = 1024;
/** The receiver says that the message itself cannot be accepted, now or later. */
const finalStatuses: ReadonlySet<number> = new Set([400, 410, 413, 415, 422]);

/**
 * Returns a channel that sends notifications to a URL, signed as Standard Webhooks. The connection
 * goes only to addresses that are permitted, and no redirect is followed.
 * @throws EgressError `ERR_EGRESS_POLICY` for ranges that cannot be allowed
 */
export function webhook(options: WebhookOptions): Channel {
  const format: Format = options.format ?? webhookFormats.json();
  const sender = webhookSender(options);
  return {
    kind: 'webhook',
    async send(notification, { signal } = {}) {
      const messageOf = (part: Notification): WebhookMessage => ({
        id: notification.id,
        contentType: format.contentType,
        body: (token) => format.body(part, token),
        headers: (token) => format.headers?.(part, token),
      });
      const [first = notification, ...more] = format.messages?.(notification) ?? [];
      let receipt = await sender.send(messageOf(first), { signal });
      for (const part of more) receipt = await sender.send(messageOf(part), { signal });
      return receipt;
    },
  };
}

/**
 * Returns what sends messages to a URL, signed as Standard Webhooks. The connection goes only to
 * addresses that are permitted, and no redirect is followed.
 * @throws EgressError `ERR_EGRESS_POLICY` for ranges that cannot be allowed
 */
export function webhookSender(options: WebhookSenderOptions): WebhookSender {
  const { clock = systemClock, schemes = 'https' } = options;
  const fetch = receiverFetch(options);
  return {
    async send(message, { signal } = {}) {
      const url = await options.url();
      assertReceiverUrl(url, schemes);
      const token = await options.token?.();
      const request = await requestFor(message, { key: options.key, clock, token });
      const { status, answer, retryAfter } = await exchange(fetch, url, { ...request, signal });
      const safe = answerText(answer, {
        secrets: [...secretsOfUrl(url), ...(token === undefined ? [] : [token])],
        limit: longestAnswer,
      });
      if (status >= 200 && status < 300) return { status, answer: safe };
      throw refusal(new URL(url).hostname, status, {
        answer: safe,
        retryAfter: parseRetryAfter(retryAfter, clock.now()),
      });
    },
  };
}

async function requestFor(
  message: WebhookMessage,
  {
    key,
    clock,
    token,
  }: Pick<WebhookSenderOptions, 'key'> & {
    readonly clock: Clock;
    readonly token: string | undefined;
  },
) {
  const body = message.body(token);
  return {
    method: 'POST' as const,
    body,
    headers: {
      'content-type': message.contentType,
      'user-agent': 'acmex-notifications',
      ...(message.headers?.(token) ?? bearer(token)),
      ...webhookHeaders(message.id, body, { at: clock.now(), key: await key?.() }),
    },
  };
}

/** Sends a request and reads the beginning of the answer. */
async function exchange(
  fetch: EgressFetch,
  url: string,
  request: Awaited<ReturnType<typeof requestFor>> & {
    readonly signal: AbortSignal | undefined;
  },
) {
  let head: EgressHead | undefined;
  let beginning = Buffer.alloc(0);
  try {
    await fetch(url, {
      ...request,
      async read(pieces, answer) {
        head = answer;
        for await (const piece of pieces) {
          const rest = longestAnswer - beginning.length;
          beginning = Buffer.concat([beginning, piece.subarray(0, rest)]);
          if (beginning.length === longestAnswer) break;
        }
      },
    });
  } catch (error) {
    // Once there is a status, the receiver has decided: what happens to its answer changes nothing.
    if (!head) throw error;
  }
  return {
    status: head?.status ?? 0,
    answer: beginning.toString('utf8'),
    retryAfter: head?.headers.get('retry-after'),
  };
}

function refusal(
  host: string,
  status: number,
  {
    answer,
    retryAfter,
  }: { readonly answer: string; readonly retryAfter: NotificationsError['retryAfter'] },
): NotificationsError {
  const quoted = answer === '' ? '' : `: ${answer.slice(0, 300)}`;
  const cause = redirectText(host, status) ?? `${host} has answered ${status}${quoted}`;
  const isFinal = finalStatuses.has(status);
  const code = isFinal ? 'ERR_NOTIFICATIONS_REFUSED' : 'ERR_NOTIFICATIONS_ANSWER';
  return new NotificationsError(code, cause, { retryAfter });
}
