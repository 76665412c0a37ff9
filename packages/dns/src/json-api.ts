import { systemClock } from '@acmex/clock';
import { attempt } from './api-attempt.ts';
import { attempts, type Patience } from './attempts.ts';
import type { Secret } from './credentials.ts';
import type { DnsErrorCode } from './errors.ts';
import type { DnsOptions } from './provider.ts';

export type Method = 'GET' | 'PUT' | 'DELETE' | 'POST' | 'PATCH';

/** A request as it goes out, for who signs it. */
export interface ApiRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where there is none. */
  readonly body: string;
}

/** What a host has against a request, in its own words. Without a code it goes by the HTTP status. */
export interface Refusal {
  readonly code?: DnsErrorCode;
  readonly message: string;
  /** That the fault is the host's own, which it says by another status than 5xx: what can be repeated is tried again. */
  readonly trouble?: true;
}

export interface JsonApiOptions extends Patience {
  /** As messages call the host. */
  readonly provider: string;
  /** What stands before every path. */
  readonly baseUrl: string;
  /** With every request. A value may be a credential: it never gets into a message. */
  readonly headers?: Readonly<Record<string, Secret>>;
  /** More headers, made anew for every attempt; for a signature. */
  readonly sign?: (request: ApiRequest) => Promise<Readonly<Record<string, string>>>;
  /** Reads the host's own error bodies; asked about every answer, also those of status 200. undefined: nothing is said there. */
  readonly refusal?: (json: unknown, status: number) => Refusal | undefined;
  readonly fetch?: typeof fetch;
}

export type CallOptions<T> = DnsOptions & {
  /** JSON, or a form. */
  readonly body?: object | URLSearchParams;
  /** The zone that it is about: named in messages, and what a 404 says is not there. */
  readonly zone?: string;
  /** That a POST or PATCH can be sent again though it may have had its effect. GET, PUT and DELETE can. */
  readonly repeatable?: true;
  /** Never sent again by itself: by then it may be overtaken, as what replaces a record set is by a value that someone else added. */
  readonly once?: true;
} &
  /** An example of the answer: what lacks a member of it, or has it of another kind, is no answer. An array's one element stands for all. */
  (
    | { readonly answer: T; readonly accept?: never }
    /** Statuses that are a success besides 2xx, as the 404 of what is gone already. */
    | { readonly answer?: never; readonly accept?: readonly number[] }
  );

/** One call of a host's API, with a path below the base URL. Parts of it that come from elsewhere are to be encoded. */
export type JsonApi = <T = unknown>(
  method: Method,
  path: string,
  options?: CallOptions<T>,
) => Promise<T>;

/**
 * A host's API of JSON over HTTP. It tries again after a 429 (nothing was done then), and what can be repeated also after a server error
 * or a lost connection: up to four times within the limit, at `Retry-After` where the host gives one, else after growing pauses.
 * It follows no redirect: credentials go to the host alone.
 * @throws DnsError by every call: `ERR_DNS_CREDENTIALS` for 401 and 403, `ERR_DNS_RATE_LIMITED` for 429, `ERR_DNS_ZONE_NOT_FOUND` for the 404 of a call about a zone, else `ERR_DNS_API`
 */
export function jsonApi(options: JsonApiOptions): JsonApi {
  const host = { ...options, clock: options.clock ?? systemClock };
  return async <T>(method: Method, path: string, call: CallOptions<T> = {}): Promise<T> =>
    await attempts({ ...host, signal: call.signal, ...(call.once ? { most: 1 } : {}) }, (limit) =>
      attempt(host, { method, path, call, limit }),
    );
}
