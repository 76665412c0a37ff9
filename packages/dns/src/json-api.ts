import {
  type Clock,
  type DurationInput,
  parseRetryAfter,
  retry,
  systemClock,
  withTimeLimit,
} from '@acmex/clock';
import type { Temporal } from 'temporal-polyfill';
import { type Answer, lacks, readAnswer, wordsOf } from './answer.ts';
import { concealed, reveal, type Secret } from './credentials.ts';
import { DnsError, type DnsErrorCode } from './errors.ts';
import { isUntrusted, reasonOf } from './failure-text.ts';
import type { DnsOptions } from './provider.ts';

/** Limits for a call to a host's API. */
export interface CallLimits {
  readonly clock?: Clock;
  /**
   * For one call with all its attempts and pauses; 1 minute by default. One attempt takes 20
   * seconds of it at most.
   */
  readonly limit?: DurationInput;
  /** 0 ≤ random() < 1; for the pauses between attempts. */
  readonly random?: () => number;
}

export type Method = 'GET' | 'PUT' | 'DELETE' | 'POST' | 'PATCH';

/** A request as it goes out, for who signs it. */
export interface ApiRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where there is none. */
  readonly body: string;
}

/**
 * What a host has against a request, in its own words. Without a code it goes by the HTTP status.
 */
export interface Refusal {
  readonly code?: DnsErrorCode;
  readonly message: string;
  /**
   * That the fault is the host's own, which it says by another status than 5xx: what can be
   * repeated is tried again.
   */
  readonly trouble?: true;
  /** Seconds until the host takes requests again, where it says so in its body. */
  readonly retryAfterSeconds?: number | undefined;
}

export interface JsonApiOptions extends CallLimits {
  /** As messages call the host. */
  readonly provider: string;
  /** The prefix of every path. */
  readonly baseUrl: string;
  /** With every request. A value may be a credential: it never gets into a message. */
  readonly headers?: Readonly<Record<string, Secret>>;
  /** More headers, made again for every attempt; for a signature. */
  readonly sign?: (request: ApiRequest) => Promise<Readonly<Record<string, string>>>;
  /**
   * Reads the host's own error bodies; asked about every answer, also those of status 200.
   * undefined: nothing is said there.
   */
  readonly refusal?: (json: unknown, status: number) => Refusal | undefined;
  readonly fetch?: typeof fetch;
}

export type CallOptions<T> = DnsOptions & {
  /** JSON, or a form. */
  readonly body?: object | URLSearchParams;
  /** The zone that it is about: named in messages, and what a 404 says is not there. */
  readonly zone?: string;
  /**
   * That a POST or PATCH can be sent again though it may have had its effect. GET, PUT and DELETE
   * can.
   */
  readonly repeatable?: true;
  /**
   * Never sent again by itself: by then it may be overtaken, as what replaces a record set is by a
   * value that someone else added.
   */
  readonly once?: true;
} &
  /**
   * An example of the answer: what lacks a member of it, or has it of another kind, is not an
   * answer. The only element of an array is an example for all.
   */
  (
    | { readonly answer: T; readonly accept?: never }
    /** Statuses that are a success besides 2xx, as the 404 of what is gone already. */
    | { readonly answer?: never; readonly accept?: readonly number[] }
  );

/**
 * One call of a host's API, with a path below the base URL. Parts of it that come from elsewhere
 * are to be encoded.
 */
export type JsonApi = <T = unknown>(
  method: Method,
  path: string,
  options?: CallOptions<T>,
) => Promise<T>;

/**
 * A host's API of JSON over HTTP. It tries again after a 429 (nothing was done then), and what can
 * be repeated also after a server error or a lost connection: up to four times within the limit, at
 * `Retry-After` where the host gives one, else after growing pauses. It follows no redirect:
 * credentials go to the host alone.
 * @throws DnsError by every call: `ERR_DNS_CREDENTIALS` for 401 and 403, `ERR_DNS_RATE_LIMITED` for
 * 429, `ERR_DNS_ZONE_NOT_FOUND` for the 404 of a call about a zone, else `ERR_DNS_API`
 */
export function jsonApi(options: JsonApiOptions): JsonApi {
  const host = { ...options, clock: options.clock ?? systemClock };
  return async <T>(method: Method, path: string, call: CallOptions<T> = {}): Promise<T> =>
    await withRetries({ ...host, signal: call.signal, attempts: call.once ? 1 : 5 }, (limit) =>
      attempt(host, { method, path, call, limit }),
    );
}

const longestAttemptMs = 20_000;

/**
 * Repeats a call to a host's API until it succeeds, or until another attempt would not help: five
 * attempts by default, within the limit, at `Retry-After` where the host gives one, else after
 * growing pauses.
 *
 * @param attempt Receives the time that it has. What it throws is passed on at once.
 */
export async function withRetries<T>(
  options: CallLimits & DnsOptions & { readonly clock: Clock; readonly attempts?: number },
  attempt: (limit: DurationInput) => Promise<Outcome<T>>,
): Promise<T> {
  const { clock, limit = 'PT1M', random, attempts = 5, signal } = options;
  const outcome = await retry<Outcome<T>>(
    clock,
    {
      attempts,
      backoff: { first: 'PT1S', longest: 'PT1M' },
      limit,
      random,
      signal,
      again: (result) =>
        result.status === 'fulfilled' &&
        'error' in result.value &&
        result.value.error.passing &&
        (result.value.error.retryAfter ?? true),
    },
    (leftMs) =>
      attempt({ milliseconds: Math.max(1, Math.ceil(Math.min(leftMs, longestAttemptMs))) }),
  );
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

type Host = JsonApiOptions & { readonly clock: Clock };

interface Attempt<T> {
  readonly method: Method;
  readonly path: string;
  readonly call: CallOptions<T>;
  readonly limit: DurationInput;
}

/**
 * Sends a request once.
 * @throws DnsError where it cannot be made, and the reason of the signal when that aborts
 */
async function attempt<T>(
  host: Host,
  { method, path, call, limit }: Attempt<T>,
): Promise<Outcome<T>> {
  const { provider, clock } = host;
  const { signal } = call;
  signal?.throwIfAborted();
  const { url, body, headers, secrets } = await request(host, { method, path, call });
  const question = {
    provider,
    call,
    what: `${method} ${url.pathname}`,
    repeatable: call.repeatable ?? !['POST', 'PATCH'].includes(method),
    refusal: host.refusal,
    conceal: (text: string) => concealed(text, secrets),
  };
  try {
    const answer = await withTimeLimit(
      { clock, limit, signal },
      async (limited) =>
        await readAnswer(
          await (host.fetch ?? fetch)(url, {
            method,
            headers,
            ...(body === '' ? {} : { body }),
            redirect: 'manual',
            signal: limited,
          }),
        ),
    );
    return verdict(answer, { ...question, now: clock.now() });
  } catch (cause) {
    signal?.throwIfAborted();
    return noAnswer(cause, { ...question, what: `${question.what} from ${url.host}` });
  }
}

async function request<T>(
  { provider, baseUrl, headers: input = {}, sign }: Host,
  { method, path, call }: Omit<Attempt<T>, 'limit'>,
) {
  // A URL would take them for steps upwards.
  if (/(^|\/)(\.|%2e){1,2}([/?]|$)/i.test(path))
    throw new DnsError(
      'ERR_DNS_API',
      `${provider}: ${JSON.stringify(path)} has a name of nothing but dots: give the name of a zone`,
    );
  const url = new URL(`${baseUrl}${path}`);
  const secrets = Object.fromEntries(
    await Promise.all(
      Object.entries(input).map(
        async ([name, value]) =>
          [
            name,
            await reveal(value, { provider, what: `the credential in the header ${name}` }),
          ] as const,
      ),
    ),
  );
  const form = call.body instanceof URLSearchParams;
  const body = bodyText(call.body);
  const plain = {
    accept: 'application/json',
    'user-agent': 'acmex',
    ...(body === ''
      ? {}
      : { 'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json' }),
    ...secrets,
  };
  return {
    url,
    body,
    secrets: [...Object.values(secrets), ...formSecrets(call.body)],
    headers: { ...plain, ...(await sign?.({ method, url, headers: plain, body })) },
  };
}

/** What came of an attempt. */
export type Outcome<T> = { readonly value: T } | { readonly error: DnsError };

export interface Question<T> {
  readonly provider: string;
  /** As `GET /zones`. */
  readonly what: string;
  readonly call: CallOptions<T>;
  readonly repeatable: boolean;
  readonly refusal: JsonApiOptions['refusal'];
  readonly now: Temporal.Instant;
  /** Takes credentials out of the host's words. */
  readonly conceal: (text: string) => string;
}

/** What an answer means. */
export function verdict<T>(answer: Answer, question: Question<T>): Outcome<T> {
  const { call, refusal } = question;
  const { status, body } = answer;
  const refused = refusal?.('json' in body ? body.json : undefined, status);
  if (call.accept?.includes(status)) return { value: undefined as T };
  if (status >= 200 && status < 300 && !refused) return understood(answer, question);
  const header = parseRetryAfter(answer.headers.get('retry-after'), question.now);
  const code = refused?.code ?? codeOf(status, { zone: call.zone, hasRetryAfter: !!header });
  const said = refused?.message ?? ('json' in body ? wordsOf(body.json) : '');
  const trouble = status >= 500 || status === 408 || refused?.trouble === true;
  const isLimit = code === 'ERR_DNS_RATE_LIMITED';
  const when =
    isLimit || (code === 'ERR_DNS_API' && trouble)
      ? (header ??
        inSeconds(refused?.retryAfterSeconds, question.now) ??
        (isLimit ? limitEnd(answer.headers, question.now) : undefined))
      : undefined;
  const skew =
    code === 'ERR_DNS_CREDENTIALS' || (code === 'ERR_DNS_API' && !trouble)
      ? skewText(answer.headers, question)
      : '';
  const passing = isLimit || (question.repeatable && code === 'ERR_DNS_API' && trouble);
  return {
    error: new DnsError(
      code,
      `${messageOf(code, {
        ...question,
        said: `${status}${said === '' ? '' : ` ${escaped(question.conceal(said))}`}`,
        trouble,
        when,
      })}${skew}`,
      { retryAfter: when, passing },
    ),
  };
}

/** What it means that no answer came. */
export function noAnswer<T>(
  cause: unknown,
  { provider, what, repeatable }: Pick<Question<T>, 'provider' | 'what' | 'repeatable'>,
): Outcome<T> {
  return {
    error: new DnsError(
      'ERR_DNS_API',
      `${provider}: no answer to ${what} (${reasonOf(cause)}): ${isUntrusted(cause) ? 'if a proxy inspects TLS, or the host has a CA of its own, name its root certificate in network.ca_certificates of acmex.toml' : `check the network, and whether ${provider} has trouble`}`,
      { cause, passing: repeatable },
    ),
  };
}

/**
 * A success, if it is what its documentation says; where nothing is asked of it, any body will do.
 */
function understood<T>({ body }: Answer, { provider, what, call }: Question<T>): Outcome<T> {
  const why = 'unreadable' in body ? body.unreadable : lackOf(body.json, call.answer);
  if (why === undefined || call.answer === undefined)
    return { value: ('json' in body ? body.json : undefined) as T };
  return {
    error: new DnsError(
      'ERR_DNS_API',
      `${provider}: the answer to ${what} ${why}: see whether ${provider} has trouble, or has changed its API`,
    ),
  };
}

function lackOf(json: unknown, example: unknown): string | undefined {
  const at = example === undefined ? undefined : lacks(json, example);
  return at === undefined ? undefined : `is not what is expected (${at})`;
}

/**
 * Returns the end of a limit by the header of DigitalOcean or Linode, which they send with every
 * answer: the seconds since 1970, or as in draft-ietf-httpapi-ratelimit-headers from now on.
 */
function limitEnd(headers: Headers, now: Temporal.Instant): Temporal.Instant | undefined {
  const text = headers.get('ratelimit-reset') ?? headers.get('x-ratelimit-reset') ?? '';
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const seconds = Number(text);
  return inSeconds(seconds < 1e9 ? seconds : seconds - now.epochMilliseconds / 1000, now);
}

function inSeconds(
  seconds: number | undefined,
  now: Temporal.Instant,
): Temporal.Instant | undefined {
  return seconds !== undefined && seconds >= 0 && seconds < 1e9
    ? now.add({ seconds: Math.ceil(seconds) })
    : undefined;
}

function codeOf(
  status: number,
  { zone, hasRetryAfter }: { readonly zone: string | undefined; readonly hasRetryAfter: boolean },
): DnsErrorCode {
  // A host that refuses credentials names no time.
  if (status === 429 || (status === 403 && hasRetryAfter)) return 'ERR_DNS_RATE_LIMITED';
  if (status === 401 || status === 403) return 'ERR_DNS_CREDENTIALS';
  return status === 404 && zone !== undefined ? 'ERR_DNS_ZONE_NOT_FOUND' : 'ERR_DNS_API';
}

function messageOf(
  code: DnsErrorCode,
  {
    provider,
    what,
    call: { zone },
    said,
    trouble,
    when,
  }: Pick<Question<unknown>, 'provider' | 'what' | 'call'> & {
    readonly said: string;
    readonly trouble: boolean;
    readonly when: Temporal.Instant | undefined;
  },
): string {
  const about = zone === undefined ? '' : ` for the zone ${zone}`;
  switch (code) {
    case 'ERR_DNS_CREDENTIALS':
      return `${provider}: the credentials are refused${about} (${said}): check them, and what they may do`;
    case 'ERR_DNS_ZONE_NOT_FOUND':
      return `${provider}: no zone ${zone ?? ''} with these credentials (${said}): check the name, and which zones they can write`;
    case 'ERR_DNS_RATE_LIMITED':
      return `${provider}: too many requests${about} (${said}): come back ${when ? `at ${when.toString({ smallestUnit: 'second' })}` : 'in some minutes'}`;
    default:
      return `${provider}: ${what} is refused${about} (${said}): ${trouble ? `see whether ${provider} has trouble, and try again later` : 'correct what the host names'}`;
  }
}

/** Hosts take signatures and tokens of a clock that differs by five minutes or more. */
const mostSkewMs = 240_000;

/** Says that this machine's clock is wrong, by the `Date` of an answer. RFC 9110 §6.6.1 */
function skewText(
  headers: Headers,
  { provider, now }: Pick<Question<unknown>, 'provider' | 'now'>,
): string {
  const theirs = Date.parse(headers.get('date') ?? '');
  if (!(Math.abs(theirs - now.epochMilliseconds) > mostSkewMs)) return '';
  const [ownTime, theirTime] = [now.epochMilliseconds, theirs].map((ms) =>
    new Date(ms).toISOString().replace(/\.\d+/, ''),
  );
  return `; this machine's clock says ${ownTime}, that of ${provider} ${theirTime}: set this machine's clock, for signatures and tokens depend on it`;
}

/** Someone else's words on one line, with nothing in them that a terminal obeys. */
function escaped(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 300);
}

/** Returns the credentials in a form of a token endpoint: a host could repeat them in its answer. */
function formSecrets(body: unknown): readonly string[] {
  if (!(body instanceof URLSearchParams)) return [];
  return [...body]
    .filter(([name]) => /(?:assertion|password|secret|token)$/.test(name))
    .map(([, value]) => value);
}

function bodyText(body: unknown): string {
  if (body === undefined) return '';
  return body instanceof URLSearchParams ? String(body) : JSON.stringify(body);
}
