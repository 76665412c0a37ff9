import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { readCredential, secretsOf, targetFailures, type TargetRefusal } from './target-failure.ts';

export interface TargetApiOptions {
  /** As messages name the target: `vault`. */
  readonly target: string;
  /** What every path is appended to; without a `/` at its end. */
  readonly baseUrl: string;
  /** Returns the headers with the credentials; called for each request. */
  readonly headers?: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  /** The global one by default. */
  readonly fetch?: typeof fetch;
  /** For one request; 30 seconds by default. */
  readonly limit?: DurationInput;
  readonly clock?: Clock;
}

export interface TargetRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Sent as JSON; text is sent unchanged. */
  readonly body?: unknown;
  /** Of the body; `application/json` by default. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Which refusals are answers and no failures, by their status or by what they say: 404 for what
   * may be absent.
   */
  readonly accept?: readonly number[] | ((refusal: TargetRefusal) => boolean);
  /** Whether the body of the answer is JSON; true by default. Otherwise it is not read as such. */
  readonly json?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface TargetAnswer {
  readonly status: number;
  /** Undefined where the answer has no body, or one that is not JSON. */
  readonly body: unknown;
}

export type TargetApi = (request: TargetRequest) => Promise<TargetAnswer>;

/**
 * Returns what sends requests to the API of a deploy target. No redirect is followed. Nothing of a
 * request is in a message, also where the answer repeats it.
 * @returns a function that rejects with DeployError: `ERR_DEPLOY_CREDENTIALS` for 401 and 403,
 * and for credentials that cannot be read, `ERR_DEPLOY_REFUSED` for another status of 400 to 499, `ERR_DEPLOY_UNREACHABLE` for anything else
 */
export function targetApi({
  target,
  baseUrl,
  headers: credentials,
  fetch: send = fetch,
  limit = 'PT30S',
  clock = systemClock,
}: TargetApiOptions): TargetApi {
  const failures = targetFailures(target, new URL(baseUrl).host);
  return async ({ accept = [], json = true, ...request }) => {
    const secretHeaders =
      credentials && (await readCredential(target, 'its credential', credentials));
    const headers = { ...secretHeaders, ...request.headers };
    const secrets = secretsOf(headers, request.body);
    const { status, text } = await withTimeLimit(
      { clock, limit, signal: request.signal },
      async (signal) => {
        const response = await send(
          `${baseUrl}${request.path}`,
          fetchOptions(request, headers, signal),
        );
        return { status: response.status, text: await response.text() };
      },
    ).catch((error: unknown) => {
      request.signal?.throwIfAborted();
      throw failures.unreachable(error, [...secrets, request.path]);
    });
    const isSuccess = status >= 200 && status < 300;
    const isAccepted =
      typeof accept === 'function' ? accept({ status, text }) : accept.includes(status);
    if (!isSuccess && !isAccepted) throw failures.refused({ status, text }, secrets);
    if (!json || text === '') return { status, body: undefined };
    const body = parsedJson(text);
    if (body !== undefined) return { status, body };
    throw failures.unexpected();
  };
}

function fetchOptions(
  { method, body, contentType = 'application/json' }: TargetRequest,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): RequestInit {
  return {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': contentType }),
      ...headers,
    },
    redirect: 'manual',
    signal,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
