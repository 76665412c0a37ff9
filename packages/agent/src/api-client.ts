import { type Clock, milliseconds, parseRetryAfter, withTimeLimit } from '@acmex/clock';
import { errorCode, errorText, printable, systemFailureText } from '@acmex/errors';
import { checkServerUrl, type ServerUrlFault } from '@acmex/identifier';
import type { Fetch, HttpAnswer } from '@acmex/protocol';
import { AgentError, type AgentErrorCode, ApiError } from './errors.ts';

export interface ApiClientOptions {
  /** As `serverUrl` returns them. */
  readonly urls: readonly string[];
  /** Returns the API key. Called for each request, so that a key can be replaced at any time. */
  readonly key: () => Promise<string>;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly userAgent: string;
  /** Returns the trace that the next request belongs to. W3C Trace Context §3.2 */
  readonly currentTrace?: (() => string | undefined) | undefined;
  /** Called when another server is used from now on, with the reason. */
  readonly onFailover?: ((url: string, reason: ApiError) => void) | undefined;
}

export interface ApiResponse {
  readonly status: number;
  readonly etag: string | undefined;
  readonly text: string;
}

export interface RequestOptions {
  /** The tag of the known version. The server answers with 304 while it is current. */
  readonly etag?: string | undefined;
  /** Seconds that the server may wait before it answers. */
  readonly waitSeconds?: number | undefined;
  /** Sent as JSON by POST. */
  readonly body?: object | undefined;
  readonly signal?: AbortSignal | undefined;
}

const largestResponseBytes = 4 * 1024 * 1024;
const timeLimitMs = 15_000;

/** Errors that another server may not have. */
const failoverCodes: ReadonlySet<string> = new Set([
  'ERR_AGENT_SERVER_UNREACHABLE',
  'ERR_AGENT_SERVER_ANSWER',
  'ERR_AGENT_SERVER_BUSY',
] satisfies AgentErrorCode[]);

/**
 * Sends requests to AcmeX servers that share a storage. When a server fails, the next one is used
 * at once and from then on.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  #current = 0;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /**
   * @throws ApiError; when several servers fail, with the code of the last, and the shortest
   * Retry-After if all have sent one
   */
  async request(path: string, options: RequestOptions = {}): Promise<ApiResponse> {
    const { urls, onFailover } = this.#options;
    const errors: ApiError[] = [];
    const first = this.#current;
    for (let attempt = 0; attempt < urls.length; attempt++) {
      const index = (first + attempt) % urls.length;
      const url = urls[index] ?? '';
      try {
        const response = await this.#send(url, path, options);
        const [reason] = errors;
        if (reason && this.#current !== index) onFailover?.(url, reason);
        this.#current = index;
        return response;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof ApiError) || !failoverCodes.has(error.code)) throw error;
        errors.push(error);
      }
    }
    throw combined(errors);
  }

  async #send(url: string, path: string, options: RequestOptions): Promise<ApiResponse> {
    const { clock, fetch, userAgent, currentTrace } = this.#options;
    const { etag, waitSeconds, body, signal } = options;
    const key = await this.#key();
    const separator = path.includes('?') ? '&' : '?';
    const query = waitSeconds === undefined ? '' : `${separator}wait=${waitSeconds}`;
    const traceparent = currentTrace?.();
    const headers = {
      'user-agent': userAgent,
      'x-api-key': key,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    const limit = { milliseconds: timeLimitMs + (waitSeconds ?? 0) * 1000 };
    const received = await withTimeLimit({ clock, limit, signal }, async (limited) => {
      const answer = await fetch(`${url}${path}${query}`, {
        method: body ? 'POST' : 'GET',
        headers,
        redirect: 'manual',
        signal: limited,
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return { answer, text: await textOf(answer) };
    }).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new ApiError(
        'ERR_AGENT_SERVER_UNREACHABLE',
        `${url} ${failureText(cause, milliseconds(limit) / 1000)}`,
        { cause },
      );
    });
    return toResponse(url, received, clock);
  }

  /** @throws AgentError `ERR_AGENT_OPTION`, and what the caller's `key` throws */
  async #key(): Promise<string> {
    const key = (await this.#options.key()).trim();
    if (!/^[\x21-\x7e]{1,4096}$/.test(key))
      throw new AgentError(
        'ERR_AGENT_OPTION',
        'the key file does not contain an API key: write the key into it on one line, and nothing else',
      );
    return key;
  }
}

/**
 * Returns the URL of a server without a slash at its end.
 * @throws AgentError `ERR_AGENT_OPTION` for an invalid URL, and for one that would send the key
 * unencrypted over a network
 */
export function serverUrl(text: string): string {
  const checked = checkServerUrl(text);
  if ('url' in checked) return checked.url;
  const { fault, origin } = checked;
  const messages: Readonly<Record<ServerUrlFault, string>> = {
    invalid: `the server "${printable(text, 200)}" is not a valid URL: use one like https://acmex.example`,
    'not-a-base': `the URL of the server ${origin} may only have a host, a port and a path: put the API key into the key file`,
    unencrypted: `the server ${origin} would receive the API key and send private keys unencrypted: use an https URL, or an address of this machine`,
  };
  throw new AgentError('ERR_AGENT_OPTION', messages[fault]);
}

function combined(errors: readonly ApiError[]): ApiError {
  const last = errors.at(-1);
  const pauses = errors.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return new ApiError(
    last?.code ?? 'ERR_AGENT_SERVER_UNREACHABLE',
    errors.map(({ message }) => message).join('; '),
    {
      cause: last,
      serverCode: last?.serverCode,
      retryAfterMs: pauses.length === errors.length ? Math.min(...pauses) : undefined,
    },
  );
}

async function textOf({ body }: HttpAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // The body of `nodeFetch` is a stream.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > largestResponseBytes) throw new Error('the response is larger than 4 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function toResponse(
  url: string,
  { answer, text }: { readonly answer: HttpAnswer; readonly text: string },
  clock: Clock,
): ApiResponse {
  const { status, headers } = answer;
  if (status === 200 || status === 304)
    return { status, etag: headers.get('etag') ?? undefined, text };
  const { code: serverCode, detail } = parseProblem(text);
  if (serverCode === undefined && status < 500)
    throw new ApiError(
      'ERR_AGENT_SERVER_ANSWER',
      `${url} answers with ${status} without a problem document of AcmeX`,
    );
  const reason = detail === undefined ? '' : `: ${detail}`;
  const suffix = serverCode === undefined ? '' : ` [${serverCode}]`;
  throw new ApiError(
    codeFor(status, serverCode),
    `${url} answers with ${status}${reason}${suffix}`,
    {
      serverCode,
      retryAfterMs: millisecondsUntil(headers.get('retry-after'), clock),
    },
  );
}

function codeFor(status: number, serverCode: string | undefined): AgentErrorCode {
  if (status === 429 || serverCode === 'ERR_SERVER_BUSY') return 'ERR_AGENT_SERVER_BUSY';
  return status >= 500 ? 'ERR_AGENT_SERVER_UNREACHABLE' : 'ERR_AGENT_SERVER_REFUSED';
}

/**
 * Returns the members of a problem document; text from a server is data, so control characters are
 * escaped.
 */
function parseProblem(text: string): { readonly code?: string; readonly detail?: string } {
  try {
    const { code, detail } = JSON.parse(text) as {
      readonly code?: unknown;
      readonly detail?: unknown;
    };
    return {
      ...(typeof code === 'string' && /^ERR_[A-Z0-9_]{1,60}$/.test(code) ? { code } : {}),
      ...(typeof detail === 'string' ? { detail: printable(detail, 500) } : {}),
    };
  } catch {
    return {};
  }
}

/** Returns the milliseconds until a `Retry-After` header's moment. */
function millisecondsUntil(header: string | null, clock: Clock): number | undefined {
  const now = clock.now();
  const moment = parseRetryAfter(header, now);
  return moment && Math.max(0, moment.epochMilliseconds - now.epochMilliseconds);
}

function failureText(cause: unknown, limitSeconds: number): string {
  const code = errorCode(cause) ?? '';
  if (code === 'ERR_TIME_LIMIT') return `did not answer within ${limitSeconds} seconds`;
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(code))
    return `has a certificate that is not trusted here (${code}): use --ca-certificate with its root certificate`;
  const isExplained = code === '' || code === 'ERR_ACME_PROXY';
  const fallback = isExplained ? printable(errorText(cause), 300) : code;
  return `cannot be reached: ${systemFailureText(code) ?? fallback}`;
}
