import { systemClock, withTimeLimit } from '@acmex/clock';
import {
  type CallLimits,
  type CallOptions,
  type JsonApiOptions,
  noAnswer,
  type Question,
  verdict,
  withRetries,
} from './json-api.ts';

/** A host's answer, as its SDK reports it. */
export interface HostAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The host's own words, for `refusal`. */
  readonly json?: unknown;
}

export interface SdkApiOptions extends CallLimits, Pick<JsonApiOptions, 'provider' | 'refusal'> {
  /** Reads an error of the SDK. undefined: the host did not answer. */
  readonly toAnswer: (error: unknown) => HostAnswer | undefined;
  /** Takes credentials out of the host's words. */
  readonly conceal?: (text: string) => string;
}

/**
 * One call of a vendor's SDK. It can be sent again where it is `repeatable`.
 * @param what as messages name it
 * @param call makes it, once for every attempt; it may still be under way when the signal has
 * aborted
 */
export type SdkApi = <T = unknown>(
  what: string,
  call: (signal: AbortSignal) => Promise<unknown>,
  options: SdkCallOptions<T>,
) => Promise<T>;

export type SdkCallOptions<T> = CallOptions<T> & { readonly body?: never };

/**
 * A vendor's SDK, called as `jsonApi` calls a host: with the same attempts, pauses, time limits and
 * errors. Its own retries are to be off. A DnsError that a call throws, as for credentials that are
 * missing, is passed on.
 * @throws DnsError by every call, as by `jsonApi`
 */
export function sdkApi({
  toAnswer: refusalOf,
  conceal = (text) => text,
  ...options
}: SdkApiOptions): SdkApi {
  const { provider, refusal, clock = systemClock } = options;
  return async <T>(
    what: string,
    call: (signal: AbortSignal) => Promise<unknown>,
    more: SdkCallOptions<T>,
  ): Promise<T> =>
    await withRetries(
      { ...options, clock, signal: more.signal, attempts: more.once ? 1 : 5 },
      async (limit) => {
        const question: Omit<Question<T>, 'now'> = {
          provider,
          what,
          call: more,
          repeatable: more.repeatable ?? false,
          refusal,
          conceal,
        };
        const toRefusal = ({ json, ...answer }: HostAnswer) =>
          verdict({ ...answer, body: { json } }, { ...question, now: clock.now() });
        try {
          return toRefusal({
            status: 200,
            headers: new Headers(),
            json: await withTimeLimit({ clock, limit, signal: more.signal }, (signal) =>
              endedBy(signal, call),
            ),
          });
        } catch (error) {
          more.signal?.throwIfAborted();
          if (error instanceof Error && error.name === 'DnsError') throw error;
          const answer = refusalOf(error);
          return answer ? toRefusal(answer) : noAnswer(error, question);
        }
      },
    );
}

/** An SDK may not look at its signal before a request is on its way. */
async function endedBy<T>(
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return await Promise.race([ended, call(signal)]);
}
