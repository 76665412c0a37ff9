import { type Clock, type DurationInput, retry, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';
import type { AccountKey } from './account-key.ts';
import { type Directory, readDirectory } from './directory.ts';
import { AcmeError } from './errors.ts';
import { type AcmeResponse, exchange, type Fetch, type HttpCall } from './http.ts';
import { signJws } from './jws.ts';
import { NoncePool } from './nonce-pool.ts';
import { refusal } from './refusal.ts';

export interface CallOptions {
  /** Ends the call at once, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface PostOptions extends CallOptions {
  /**
   * Whether to send it again when its answer was lost. Yes for a POST-as-GET (no payload), else no.
   */
  readonly repeatable?: boolean;
  /**
   * A key that speaks for itself: the JWS carries it in place of the account's URL, as newAccount
   * and a revocation by the certificate's own key need. Absent: the account's key, named by the
   * account's URL. RFC 8555 §6.2
   */
  readonly signedBy?: AccountKey | undefined;
}

/**
 * One account at one CA: directory, account key and nonces behind a signed POST. RFC 8555 §6. Safe
 * for concurrent use.
 */
export interface AcmeSession {
  readonly key: AccountKey;
  readonly clock: Clock;
  readonly random: () => number;
  /** The account's URL: given, or known once `newAccount` has found it. */
  account: string | undefined;
  /** The CA's directory, read when it is first asked for and again after a day. */
  directory(options?: CallOptions): Promise<Directory>;
  /**
   * A signed POST; without a payload a POST-as-GET. A refused nonce is replaced by the refusal's
   * own, ten times by default. What was never sent, and what may be repeated, is tried four times
   * in all with growing random pauses.
   * @throws AcmeError with the CA's problem, or why there was no answer; the signal's reason
   */
  post(url: string, payload?: object, options?: PostOptions): Promise<AcmeResponse>;
  /** An unsigned GET, for the few resources that need no account. */
  get(url: string, options?: CallOptions): Promise<AcmeResponse>;
}

export interface AcmeSessionOptions {
  /** URL of the CA's directory: https, or http to a loopback address. */
  readonly directory: string;
  readonly key: AccountKey;
  /** The account's URL, when it is known: spares the look-up. */
  readonly account?: string | undefined;
  /** The global `fetch` by default. */
  readonly fetch?: Fetch;
  readonly clock?: Clock;
  /** 0 ≤ random() < 1; for the pauses between attempts. */
  readonly random?: () => number;
  /** For one request and its answer; 30 seconds by default. */
  readonly requestLimit?: DurationInput;
  /** How often a refused nonce is replaced in one call; 10 by default. */
  readonly nonceRefusals?: number;
  /** Precedes the library's own name in `User-Agent` (RFC 8555 §6.1). */
  readonly userAgent?: string;
}

/** Pauses of a random part of 0.5, 1, 2 … seconds ("full jitter"). */
const backoff = { first: { milliseconds: 500 }, longest: { seconds: 60 }, jitter: 1 };
const longestRetryAfterMs = 60_000;

interface RepeatedCall {
  readonly url: string;
  /** Whether to send it again when its answer was lost. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * @throws AcmeError `ERR_ACME_URL` for a directory that is not https. Nothing is sent before the
 * first call.
 */
export function acmeSession(options: AcmeSessionOptions): AcmeSession {
  const {
    key,
    clock = systemClock,
    random = Math.random,
    requestLimit = 'PT30S',
    nonceRefusals = 10,
  } = options;
  const http = {
    fetch: options.fetch ?? fetch,
    clock,
    requestLimit,
    userAgent: `${options.userAgent ? `${options.userAgent} ` : ''}acmex-protocol`,
  };
  const directoryUrl = secureUrl(options.directory);
  let known: { readonly directory: Directory; readonly at: number } | undefined;

  const nonces = new NoncePool(async (signal) => {
    const { newNonce } = await session.directory({ signal });
    const { status, headers } = await repeated(
      { method: 'HEAD', signal },
      { url: newNonce, repeatable: true, signal },
    );
    return (
      headers.get('replay-nonce') ??
      fail('ERR_ACME_NO_NONCE', `${newNonce} answered ${status} without a Replay-Nonce`)
    );
  });

  /** Sends until there is a final response, or another attempt cannot help. */
  const repeated = (
    call: HttpCall | (() => Promise<HttpCall>),
    { url, repeatable, signal }: RepeatedCall,
  ): Promise<AcmeResponse> =>
    retry<AcmeResponse>(
      clock,
      {
        attempts: 4,
        backoff,
        random,
        signal,
        again: (outcome) => {
          if (outcome.status === 'rejected') return mayRepeat(outcome.reason, repeatable);
          const next = nextAttempt(outcome.value, { repeatable, now: clock.now() });
          if (next !== false) nonces.put(outcome.value.headers.get('replay-nonce'));
          return next;
        },
      },
      async () => exchange(http, url, typeof call === 'function' ? await call() : call),
    );

  const session: AcmeSession = {
    key,
    clock,
    random,
    account: options.account,
    async directory({ signal } = {}) {
      if (known && clock.monotonic() - known.at < 86_400_000) return known.directory;
      const answer = await repeated(
        { method: 'GET', signal },
        { url: directoryUrl, repeatable: true, signal },
      );
      if (
        answer.status >= 400 &&
        /^application\/problem\+json/i.test(answer.headers.get('content-type') ?? '')
      )
        throw refusal(answer, clock.now());
      const directory = readDirectory(answer);
      known = { directory, at: clock.monotonic() };
      return directory;
    },
    async get(url, { signal } = {}) {
      const answer = await repeated({ method: 'GET', signal }, { url, repeatable: true, signal });
      return answer.status < 300 ? answer : Promise.reject(refusal(answer, clock.now()));
    },
    async post(url, payload, { signal, repeatable = payload === undefined, signedBy } = {}) {
      const identity = signedBy
        ? { jwk: signedBy.jwk }
        : {
            kid:
              session.account ??
              fail('ERR_ACME_NO_ACCOUNT', `${url} needs an account: call newAccount first`),
          };
      const body = payload === undefined ? '' : JSON.stringify(payload);
      let nextNonce: string | null = null;
      const signed = async (): Promise<HttpCall> => {
        const nonce = nextNonce ?? (await nonces.take({ signal }));
        nextNonce = null;
        return {
          method: 'POST',
          body: JSON.stringify(await signJws(signedBy ?? key, { nonce, url, ...identity }, body)),
          signal,
        };
      };
      for (let refusals = 0; ; refusals++) {
        const answer = await repeated(signed, { url, repeatable, signal });
        const fresh = answer.headers.get('replay-nonce');
        const error = answer.status < 300 ? undefined : refusal(answer, clock.now());
        if (error?.code === 'ERR_ACME_BAD_NONCE' && refusals < nonceRefusals) {
          nextNonce = fresh;
          continue;
        }
        nonces.put(fresh);
        if (error) throw error;
        return answer;
      }
    },
  };
  return session;
}

/** When to send a request again after this answer; false for not at all. */
function nextAttempt(
  answer: AcmeResponse,
  { repeatable, now }: { readonly repeatable: boolean; readonly now: Temporal.Instant },
): boolean | Temporal.Instant {
  // 503 says that the request was not taken up; after another 5xx it may have been.
  if (answer.status !== 503 && !(answer.status >= 500 && repeatable)) return false;
  const { retryAfter } = refusal(answer, now);
  if (!retryAfter) return true;
  const waitMs = retryAfter.epochMilliseconds - now.epochMilliseconds;
  return waitMs <= longestRetryAfterMs && retryAfter;
}

function mayRepeat(error: unknown, repeatable: boolean): boolean {
  const code = errorCode(error);
  return (
    code === 'ERR_ACME_UNREACHABLE' ||
    (repeatable && (code === 'ERR_ACME_ANSWER_LOST' || code === 'ERR_ACME_TIMEOUT'))
  );
}

function secureUrl(text: string): string {
  const url = URL.canParse(text)
    ? new URL(text)
    : fail(
        'ERR_ACME_URL',
        `"${text}" is no URL: give the URL of the CA's ACME directory, as https://ca.example/directory`,
      );
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) return url.href;
  return fail('ERR_ACME_URL', `"${text}" is not https: a CA is asked over TLS (RFC 8555 §6.1)`);
}

function fail(
  code: 'ERR_ACME_URL' | 'ERR_ACME_NO_NONCE' | 'ERR_ACME_NO_ACCOUNT',
  message: string,
): never {
  throw new AcmeError(code, message);
}
