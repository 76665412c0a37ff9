import { type MillisecondTimer, millisecondTimer, withTimeLimit } from '@acmex/clock';
import { errorCode, errorText, printable } from '@acmex/errors';
import { checkServerUrl, type ServerUrlFault } from '@acmex/identifier';
import { ApiError } from './errors.ts';

/** A key or token, or a function that returns the current one. Called for each request. */
export type Credential = string | (() => string | Promise<string>);

export interface ConnectionOptions {
  /** The URL of the server, with its path if a proxy adds one. */
  readonly url: string;
  /** An API key, sent as `X-API-Key`. Without key and token, a browser's cookies count. */
  readonly key?: Credential | undefined;
  /** A token of the configured OpenID Connect provider, sent as `Authorization: Bearer`. */
  readonly token?: Credential | undefined;
  /** Sends the requests; the runtime's `fetch` by default. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
  /** Whether an http URL may be of another machine, which sends keys unencrypted. No by default. */
  readonly allowHttp?: boolean | undefined;
  /** How long a call may take, without the time that its `wait` allows; a minute by default. */
  readonly timeLimitMs?: number | undefined;
  /** Measures time limits and pauses; the machine's timer by default. */
  readonly timer?: MillisecondTimer | undefined;
}

/** The way to one server. Only the closure of `fetch` knows the key. */
export interface Connection {
  readonly url: string;
  readonly timer: MillisecondTimer;
  readonly timeLimitMs: number;
  readonly fetch: (request: Request) => Promise<Response>;
}

/** @throws ApiError `ERR_API_OPTION` */
export function connection({
  url,
  key,
  token,
  fetch: send = (request) => globalThis.fetch(request),
  allowHttp = false,
  timeLimitMs = 60_000,
  timer = millisecondTimer,
}: ConnectionOptions): Connection {
  if (key !== undefined && token !== undefined)
    throw new ApiError('ERR_API_OPTION', 'there are a key and a token: use one of the two');
  return {
    url: serverUrl(url, allowHttp),
    timer,
    timeLimitMs,
    fetch: async (request) => {
      if (key !== undefined) request.headers.set('x-api-key', await checked('key', key));
      if (token !== undefined)
        request.headers.set('authorization', `Bearer ${await checked('token', token)}`);
      return await send(request);
    },
  };
}

/**
 * Runs `work` within a time limit, and explains its failure.
 *
 * @param subject what is called, such as `GET /api/orders`
 * @throws the reason of `signal`, if it aborts; ApiError in every other case
 */
export async function within<T>(
  subject: string,
  {
    timer,
    limitMs,
    signal,
  }: { timer: MillisecondTimer; limitMs: number; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withTimeLimit({ clock: timer, limit: { milliseconds: limitMs }, signal }, work);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof ApiError) throw cause;
    const reason =
      errorCode(cause) === 'ERR_TIME_LIMIT'
        ? `the server does not answer within ${limitMs / 1000} seconds`
        : `the server cannot be reached: ${printable(errorText(cause), 300)}`;
    throw new ApiError('ERR_API_UNREACHABLE', `${subject}: ${reason}`, { cause });
  }
}

async function checked(name: string, credential: Credential): Promise<string> {
  const text = typeof credential === 'string' ? credential : await credential();
  if (!/^[\x21-\x7e]{1,16384}$/.test(text))
    throw new ApiError(
      'ERR_API_OPTION',
      `the ${name} is empty or has characters that no ${name} has: use it as it was made, without line breaks`,
    );
  return text;
}

function serverUrl(text: string, allowHttp: boolean): string {
  const checkedUrl = checkServerUrl(text, { allowHttp });
  if ('url' in checkedUrl) return checkedUrl.url;
  const { fault, origin } = checkedUrl;
  const messages: Readonly<Record<ServerUrlFault, string>> = {
    invalid: `${JSON.stringify(printable(text, 200))} is not a valid URL: use one like https://acmex.example`,
    'not-a-base': `the URL of ${origin} may only have a host, a port and a path: use the option key for the key`,
    unencrypted: `${origin} would receive the key unencrypted: use an https URL, or allowHttp in a network that you trust`,
  };
  throw new ApiError('ERR_API_OPTION', messages[fault]);
}
