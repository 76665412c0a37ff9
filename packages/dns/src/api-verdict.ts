import type { Temporal } from 'temporal-polyfill';
import { type Answer, lacks, retryAfter, wordsOf } from './answer.ts';
import { DnsError, type DnsErrorCode } from './errors.ts';
import type { CallOptions, JsonApiOptions } from './json-api.ts';

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
  const code = refused?.code ?? codeOf(status, call.zone);
  const said = refused?.message ?? ('json' in body ? wordsOf(body.json) : '');
  const trouble = status >= 500 || refused?.trouble === true;
  const when =
    code === 'ERR_DNS_RATE_LIMITED' ? retryAfter(answer.headers, question.now) : undefined;
  const passing =
    code === 'ERR_DNS_RATE_LIMITED' || (question.repeatable && code === 'ERR_DNS_API' && trouble);
  return {
    error: new DnsError(
      code,
      messageOf(code, {
        ...question,
        said: `${status}${said === '' ? '' : ` ${escaped(question.conceal(said))}`}`,
        trouble,
        when,
      }),
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
      `${provider}: no answer to ${what} (${reasonOf(cause)}): check the network, and whether ${provider} has trouble`,
      { cause, passing: repeatable },
    ),
  };
}

/** A success, if it is what its documentation says; where nothing is asked of it, any body will do. */
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

function codeOf(status: number, zone: string | undefined): DnsErrorCode {
  if (status === 401 || status === 403) return 'ERR_DNS_CREDENTIALS';
  if (status === 429) return 'ERR_DNS_RATE_LIMITED';
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

/** Someone else's words on one line, with nothing in them that a terminal obeys. */
function escaped(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 300);
}

/** Why a connection failed: undici says it in the cause of the cause, an SDK deeper still. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  if (!('code' in error) || typeof error.code !== 'string') return error.message;
  return error.code === 'ERR_TIME_LIMIT' ? 'its time is over' : error.code;
}
