import { type Clock, milliseconds, withTimeLimit } from '@acmex/clock';
import { errorCode, errorText, printable } from '@acmex/errors';
import type { Fetch, HttpAnswer } from '@acmex/protocol';
import { CliError, type CliErrorCode } from '../errors.ts';

export interface ServersOptions {
  /** As `baseUrl` gives them. */
  readonly urls: readonly string[];
  /** Read for each request: another may be put into its file at any time. */
  readonly key: () => Promise<string>;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly userAgent: string;
  /** Is told when another server is used from now on, and why. */
  readonly onOther?: ((url: string, why: CliError) => void) | undefined;
}

export interface Reply {
  readonly status: number;
  readonly etag: string | undefined;
  readonly text: string;
}

export interface Asking {
  /** What is known already: a certificate with this tag is answered with 304. */
  readonly known?: string | undefined;
  /** Seconds that the server may wait before it answers. */
  readonly wait?: number | undefined;
  readonly body?: object | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A server that does not do what it is asked. */
export class ServerFault extends CliError {
  constructor(
    code: CliErrorCode,
    message: string,
    {
      serverCode,
      waitFor,
      ...options
    }: ErrorOptions & {
      readonly serverCode?: string | undefined;
      readonly waitFor?: number | undefined;
    } = {},
  ) {
    super(code, message, options);
    this.serverCode = serverCode;
    this.waitFor = waitFor;
  }

  /** The code of its own problem document. */
  readonly serverCode: string | undefined;
  /** Milliseconds, where it says when it can. */
  readonly waitFor: number | undefined;
}

const largest = 4 * 1024 * 1024;
const limit = 15_000;
/** Faults that another server may not have. */
const worthAnother: ReadonlySet<string> = new Set([
  'ERR_CLI_SERVER_UNREACHABLE',
  'ERR_CLI_SERVER_ANSWER',
  'ERR_CLI_SERVER_BUSY',
] satisfies CliErrorCode[]);

/** Several AcmeX servers on one storage: where one fails, the next is asked at once, and stays the one that is asked. */
export class Servers {
  readonly #options: ServersOptions;
  #at = 0;

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  /** @throws ServerFault; of several servers that fail, the fault of the last, with the shortest wait that one of them asks for */
  async ask(path: string, asking: Asking = {}): Promise<Reply> {
    const { urls, onOther } = this.#options;
    const faults: ServerFault[] = [];
    const first = this.#at;
    for (let turn = 0; turn < urls.length; turn++) {
      const at = (first + turn) % urls.length;
      const url = urls[at] ?? '';
      try {
        const reply = await this.#once(url, path, asking);
        const [why] = faults;
        if (why && this.#at !== at) onOther?.(url, why);
        this.#at = at;
        return reply;
      } catch (error) {
        asking.signal?.throwIfAborted();
        if (!(error instanceof ServerFault) || !worthAnother.has(error.code)) throw error;
        faults.push(error);
      }
    }
    const last = faults.at(-1);
    const waits = faults.flatMap(({ waitFor }) => waitFor ?? []);
    throw new ServerFault(
      last?.code ?? 'ERR_CLI_SERVER_UNREACHABLE',
      faults.map(({ message }) => message).join('; '),
      {
        cause: last,
        serverCode: last?.serverCode,
        waitFor: waits.length === faults.length ? Math.min(...waits) : undefined,
      },
    );
  }

  async #once(url: string, path: string, { known, wait, body, signal }: Asking): Promise<Reply> {
    const { clock, fetch, userAgent } = this.#options;
    const key = await this.#key();
    const query = wait === undefined ? '' : `${path.includes('?') ? '&' : '?'}wait=${wait}`;
    const headers = {
      'user-agent': userAgent,
      'x-api-key': key,
      ...(known === undefined ? {} : { 'if-none-match': known }),
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    const reply = await withTimeLimit(
      { clock, limit: { milliseconds: limit + (wait ?? 0) * 1000 }, signal },
      async (limited) => {
        const answer = await fetch(`${url}${path}${query}`, {
          method: body ? 'POST' : 'GET',
          headers,
          redirect: 'manual',
          signal: limited,
          ...(body ? { body: JSON.stringify(body) } : {}),
        });
        return { answer, text: await textOf(answer) };
      },
    ).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new ServerFault('ERR_CLI_SERVER_UNREACHABLE', `${url} ${wordsFor(cause)}`, { cause });
    });
    return replyOf(url, reply, clock);
  }

  /** @throws CliError `ERR_CLI_USAGE`; ConfigError `ERR_CONFIG_CREDENTIAL` */
  async #key(): Promise<string> {
    const key = (await this.#options.key()).trim();
    if (!/^[\x21-\x7e]{1,4096}$/.test(key))
      throw new CliError(
        'ERR_CLI_USAGE',
        'the key file holds no API key: write the key alone into it, on one line',
      );
    return key;
  }
}

/** @throws CliError `ERR_CLI_USAGE` for what is no URL of a server, and for one that would show the key to others on the way */
export function baseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/i.test(text))
    throw new CliError(
      'ERR_CLI_USAGE',
      `--server "${printable(text, 200)}" is no URL: give the server's, as https://acmex.example`,
    );
  const { protocol, hostname, username, password, search, hash, href } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '')
    throw new CliError(
      'ERR_CLI_USAGE',
      `--server ${new URL(text).host} has more than a server and a path: the key goes into --key-file`,
    );
  const local =
    hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
  if (protocol === 'http:' && !local)
    throw new CliError(
      'ERR_CLI_USAGE',
      `--server ${href} would send the API key and get private keys in clear: give an https URL, or one of this machine`,
    );
  return href.replace(/\/$/, '');
}

async function textOf({ body }: HttpAnswer): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  // The body of `nodeFetch` is a stream.
  for await (const part of body as AsyncIterable<Uint8Array>) {
    size += part.byteLength;
    if (size > largest) throw new Error('answers with more than 4 MiB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function replyOf(
  url: string,
  { answer: { status, headers }, text }: { readonly answer: HttpAnswer; readonly text: string },
  clock: Clock,
): Reply {
  if (status === 200 || status === 304)
    return { status, etag: headers.get('etag') ?? undefined, text };
  const { code: serverCode, detail } = problemIn(text);
  if (serverCode === undefined && status < 500)
    throw new ServerFault(
      'ERR_CLI_SERVER_ANSWER',
      `${url} answers with ${status} and no problem document of AcmeX`,
    );
  const told = `${url} answers with ${status}${detail === undefined ? '' : `: ${detail}`}${serverCode === undefined ? '' : ` [${serverCode}]`}`;
  const code =
    status === 429 || serverCode === 'ERR_SERVER_BUSY'
      ? 'ERR_CLI_SERVER_BUSY'
      : status >= 500
        ? 'ERR_CLI_SERVER_UNREACHABLE'
        : 'ERR_CLI_SERVER_REFUSED';
  throw new ServerFault(code, told, {
    serverCode,
    waitFor: waitIn(headers.get('retry-after'), clock),
  });
}

/** What a server says is data. */
function problemIn(text: string): { readonly code?: string; readonly detail?: string } {
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

/** RFC 9110 §10.2.3 */
function waitIn(header: string | null, clock: Clock): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.now().epochMilliseconds);
}

function wordsFor(cause: unknown): string {
  const code = errorCode(cause);
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'cannot be reached: nothing listens there',
    ENOTFOUND: 'cannot be reached: nobody knows its name',
    ECONNRESET: 'broke the connection',
    EPROTO: 'does not speak TLS',
    ERR_TIME_LIMIT: `gave no answer within ${milliseconds({ milliseconds: limit }) / 1000} seconds`,
  };
  if (code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(code))
    return `shows a certificate that is not trusted here (${code}): give its root by --ca-certificate`;
  return words[code ?? ''] ?? `cannot be reached: ${code ?? printable(errorText(cause), 200)}`;
}
