import { type Clock, type DurationInput, parseRetryAfter, systemClock } from '@acmex/clock';
import {
  addressPolicy,
  type EgressFetch,
  egressFetch,
  type EgressHead,
  type Resolve,
} from '@acmex/egress';
import { answerText } from './answer-text.ts';
import type { Channel } from './channel.ts';
import { NotificationsError } from './errors.ts';
import { type Format, webhookFormats } from './formats.ts';
import type { Notification } from './notification.ts';
import { webhookHeaders } from './standard-webhooks.ts';

/** A credential, which is read each time when it is needed. */
type Credential = () => Promise<string>;

export interface WebhookOptions {
  /** Many such URLs are credentials: no error, record or answer has it. */
  readonly url: Credential;
  /** `json` by default. */
  readonly format?: Format | undefined;
  /** Returns the key that signs each message; without it, messages are not signed. */
  readonly key?: (() => Promise<Uint8Array>) | undefined;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: Credential | undefined;
  /** From the look-up to the answer; 30 seconds by default. */
  readonly limit?: DurationInput | undefined;
  /** Special address ranges that the receiver may have; public addresses by default. */
  readonly allow?: readonly string[] | undefined;
  /** The schemes that its URL may have; https alone by default. */
  readonly schemes?: 'https' | 'http-and-https' | undefined;
  /** Further root certificates, PEM. */
  readonly ca?: readonly string[] | undefined;
  readonly resolver?: Resolve | undefined;
  readonly clock?: Clock | undefined;
}

/** At most this much of an answer is read. */
const longestAnswer = 1024;
/** The shortest piece of a URL that can be a credential. */
const shortestPiece = 6;
/** What TLS and HTTP may hand over at once; more of an answer is not waited for. */
const largestPiece = 1024 * 1024;
/** The receiver says that the message itself cannot be accepted, now or later. */
const finalStatuses: ReadonlySet<number> = new Set([400, 410, 413, 415, 422]);

/**
 * Returns a channel that sends notifications to a URL, signed as Standard Webhooks. The connection
 * goes only to addresses that are permitted, and no redirect is followed.
 * @throws EgressError `ERR_EGRESS_POLICY` for ranges that cannot be allowed
 */
export function webhook(options: WebhookOptions): Channel {
  const { format = webhookFormats.json(), clock = systemClock, schemes = 'https' } = options;
  const { allow = [], ca, resolver, limit = 'PT30S' } = options;
  const fetch = egressFetch({
    policy: addressPolicy({ allow }),
    schemes: schemes === 'https' ? { https: 443 } : { https: 443, http: 80 },
    ports: 'any',
    maxBody: largestPiece,
    limit,
    clock,
    ...(ca ? { ca } : {}),
    ...(resolver ? { resolver } : {}),
  });
  return {
    async send(notification, { signal } = {}) {
      const url = await options.url();
      assertUrl(url, schemes);
      const token = await options.token?.();
      const request = await requestFor(notification, { ...options, format, clock, token });
      const { status, answer, retryAfter } = await exchange(fetch, url, { ...request, signal });
      const safe = answerText(answer, { secrets: secretsOf(url, token), limit: longestAnswer });
      if (status >= 200 && status < 300) return { status, answer: safe };
      throw refusal(new URL(url).hostname, status, {
        answer: safe,
        retryAfter: parseRetryAfter(retryAfter, clock.now()),
      });
    },
  };
}

/** @throws NotificationsError `ERR_NOTIFICATIONS_URL`, which does not quote the URL */
function assertUrl(url: string, schemes: NonNullable<WebhookOptions['schemes']>): void {
  const { protocol, username, password } = URL.canParse(url)
    ? new URL(url)
    : { protocol: '', username: '', password: '' };
  const hasScheme = protocol === 'https:' || (protocol === 'http:' && schemes !== 'https');
  if (hasScheme && username === '' && password === '') return;
  throw new NotificationsError(
    'ERR_NOTIFICATIONS_URL',
    'the URL of the receiver does not begin with https://, or has a password in it: correct it, or set allow_http for http://',
  );
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
  const body = format.body(notification);
  return {
    method: 'POST' as const,
    body,
    headers: {
      'content-type': format.contentType,
      'user-agent': 'acmex-notifications',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
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

/** Returns what an answer must not repeat: the URL, and each piece of it that can be a credential. */
function secretsOf(url: string, token: string | undefined): readonly string[] {
  const { pathname, search, searchParams } = new URL(url);
  const pieces = [...pathname.split('/'), ...searchParams.values()];
  const long = pieces.filter(({ length }) => length >= shortestPiece);
  const whole = [url, pathname + search, pathname, search, ...(token === undefined ? [] : [token])];
  return [...whole, ...long];
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
  const isRedirect = status >= 300 && status < 400;
  const cause = isRedirect
    ? `${host} redirects (${status}), which is not followed: configure the URL that it redirects to`
    : `${host} has answered ${status}${quoted}`;
  const isFinal = finalStatuses.has(status);
  const code = isFinal ? 'ERR_NOTIFICATIONS_REFUSED' : 'ERR_NOTIFICATIONS_ANSWER';
  return new NotificationsError(code, cause, { retryAfter });
}
