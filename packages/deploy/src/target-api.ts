import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { errorCode, errorText, printable, withoutPrivateKeys, withoutSecrets } from '@acmex/errors';
import { DeployError, type DeployErrorCode } from './errors.ts';

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
  /** Statuses that are answers and no failures, besides 200 to 299: 404 for what may be absent. */
  readonly accept?: readonly number[];
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

/** At most this much of an answer is read, in UTF-16 code units. */
const longestAnswer = 1024 * 1024;

/**
 * Returns what sends requests to the API of a deploy target. No redirect is followed. Nothing of a
 * request is in a message, also where the answer repeats it.
 * @returns a function that rejects with DeployError: `ERR_DEPLOY_CREDENTIALS` for 401 and 403,
 * `ERR_DEPLOY_REFUSED` for another status of 400 to 499, `ERR_DEPLOY_UNREACHABLE` for anything else
 */
export function targetApi({
  target,
  baseUrl,
  headers: credentials,
  fetch: send = fetch,
  limit = 'PT30S',
  clock = systemClock,
}: TargetApiOptions): TargetApi {
  const { host } = new URL(baseUrl);
  const failure = (code: DeployErrorCode, problem: string) =>
    new DeployError(code, `${target}: ${host} ${problem}`);
  return async ({ accept = [], json = true, ...request }) => {
    const headers = { ...(await credentials?.()), ...request.headers };
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
      // The failure has no cause: the error may have the URL and the headers.
      const reason = withoutSecrets(reasonOf(error), [...secrets, request.path]);
      throw failure('ERR_DEPLOY_UNREACHABLE', `cannot be reached (${printable(reason, 300)})`);
    });
    if ((status < 200 || status > 299) && !accept.includes(status))
      throw failure(codeOf(status), `answered ${status}${quotedAnswer(text, secrets)}`);
    if (!json || text === '') return { status, body: undefined };
    const body = parsedJson(text);
    if (body !== undefined) return { status, body };
    throw failure(
      'ERR_DEPLOY_UNREACHABLE',
      'answered something that is not JSON: check its URL, and whether a proxy answers in its place',
    );
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

function codeOf(status: number): DeployErrorCode {
  if (status === 401 || status === 403) return 'ERR_DEPLOY_CREDENTIALS';
  const isRefusal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return isRefusal ? 'ERR_DEPLOY_REFUSED' : 'ERR_DEPLOY_UNREACHABLE';
}

/** Returns why `fetch` failed: the reason is in its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return errorCode(cause) ?? errorText(cause);
}

function quotedAnswer(text: string, secrets: readonly string[]): string {
  if (text === '') return '';
  const cut = text.length > longestAnswer ? `${text.slice(0, longestAnswer)}…` : text;
  return `: ${printable(withoutPrivateKeys(withoutSecrets(cut, secrets)), 300)}`;
}

/** The shortest text of a request that an answer must not repeat. */
const shortestHidden = 8;

/** Returns the texts of a request that no message may repeat, in the forms of JSON and of headers. */
function secretsOf(headers: Readonly<Record<string, string>>, body: unknown): readonly string[] {
  const texts = [
    ...Object.values(headers).flatMap((value) => [value, ...value.split(' ')]),
    ...textsIn(body),
  ].filter((text) => text.length >= shortestHidden);
  return [...texts, ...texts.map((text) => JSON.stringify(text).slice(1, -1))];
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
