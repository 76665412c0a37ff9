import { type Clock, parseRetryAfter, systemClock } from '@acmex/clock';
import type { EgressFetch, EgressHead } from '@acmex/egress';
import { answerText } from './answer-text.ts';
import type { Channel } from './channel.ts';
import { NotificationsError } from './errors.ts';
import { type Format, webhookFormats } from './formats.ts';
import type { Notification } from './notification.ts';
import {
  assertReceiverUrl,
  type Credential,
  receiverFetch,
  type ReceiverOptions,
  redirectText,
  secretsOfUrl,
} from './receiver-url.ts';
import { webhookHeaders } from './standard-webhooks.ts';
import { bearer } from './template.ts';

export interface WebhookOptions extends ReceiverOptions {
  /** `json` by default. */
  readonly format?: Format | undefined;
  /** Returns the key that signs each message; without it, messages are not signed. */
  readonly key?: (() => Promise<Uint8Array>) | undefined;
  /** Sent as `Authorization: Bearer`, or as the format sends it. */
  readonly token?: Credential | undefined;
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
  const { format = webhookFormats.json(), clock = systemClock, schemes = 'https' } = options;
  const fetch = receiverFetch(options);
  return {
    kind: 'webhook',
    async send(notification, { signal } = {}) {
      const url = await options.url();
      assertReceiverUrl(url, schemes);
      const token = await options.token?.();
      const request = await requestFor(notification, { ...options, format, clock, token });
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
  notification: Notification,
  {
    format,
    key,
    clock,
    token,
  }: Pick<WebhookOptions, 'key'> & {
    readonly format: Format;
    readonly clock: Clock;
    readonly token: string | undefined;
  },
) {
  const body = format.body(notification, token);
  return {
    method: 'POST' as const,
    body,
    headers: {
      'content-type': format.contentType,
      'user-agent': 'acmex-notifications',
      ...(format.headers?.(notification, token) ?? bearer(token)),
      ...webhookHeaders(notification.id, body, { at: clock.now(), key: await key?.() }),
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
