import type { Trouble, TroubleOptions } from './contract.ts';

/** A request as a route sees it. */
export interface StandInRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** The parts of the path that the route names with a colon, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /**
   * Parsed where it is JSON or a form, as it came where it is XML or YAML; undefined where there is none.
   */
  readonly body: unknown;
  /** The body as it came; for a signature. */
  readonly text: string;
}

export interface StandInAnswer {
  readonly status: number;
  /** Sent as JSON; nothing where it is undefined. */
  readonly body?: unknown;
  /** Sent as it is, in place of JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StandInOptions {
  /**
   * The URL of the API: requests to any other place throw, as one to a host that does not exist.
   */
  readonly baseUrl: string;
  readonly authorized: (request: StandInRequest) => boolean;
  /**
   * In the vendor's own words: for wrong credentials, too many requests, a path that there is not,
   * a body that cannot be read, and a fault of its own.
   */
  readonly words: Readonly<
    Record<'credentials' | 'rate-limited' | 'unknown' | 'malformed' | 'server-error', StandInAnswer>
  >;
  /** By `METHOD /path/:name`, below the base URL. */
  readonly routes: Readonly<Record<string, (request: StandInRequest) => StandInAnswer>>;
}

/** A vendor's API in memory. It answers late, and knows no path but its routes. */
export interface StandIn {
  readonly fetch: typeof fetch;
  /** See `Trouble`; undefined ends it; with `after`, so many requests are answered before. */
  trouble(kind: Trouble | undefined, options?: TroubleOptions): void;
  /** As `GET /zones`, without the base URL, in the order of their coming. */
  readonly requests: readonly string[];
}

/** Replaces a host's API in the tests of its provider. */
export function standIn(options: StandInOptions): StandIn {
  const { baseUrl, words } = options;
  return troubled({
    baseUrl,
    words,
    fetch: async (input, init) => responseOf(await routed(new Request(input, init), options)),
  });
}

/** Puts trouble in front of an API: of a stand-in, or of a real server that cannot simulate any. */
export function troubled({
  baseUrl,
  words,
  fetch,
}: Pick<StandInOptions, 'baseUrl' | 'words'> & {
  readonly fetch: typeof globalThis.fetch;
}): StandIn {
  const requests: string[] = [];
  let trouble: Trouble | undefined;
  let begin = 0;
  return {
    requests,
    trouble(kind, { after = 0 } = {}) {
      trouble = kind;
      begin = requests.length + after;
    },
    async fetch(input, init) {
      const request = new Request(input, init);
      const { url, method } = request;
      // A Request follows its caller's signal only as long as it is not garbage-collected.
      const signal = init?.signal ?? request.signal;
      if (!url.startsWith(`${baseUrl}/`))
        throw new TypeError('fetch failed', { cause: new Error(`ENOTFOUND ${new URL(url).host}`) });
      const number = requests.push(`${method} ${url.slice(baseUrl.length)}`);
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      const now = number > begin ? trouble : undefined;
      if (now === 'silence') return await silence(signal);
      if (now === 'not-json')
        return new Response('<html>down for maintenance</html>', {
          headers: { 'content-type': 'text/html' },
        });
      if (now === 'rate-limited')
        return responseOf({
          ...words[now],
          headers: { 'retry-after': '3600', ...words[now].headers },
        });
      if (now === 'credentials' || now === 'server-error') return responseOf(words[now]);
      const answer = await fetch(input, init);
      return now === 'lost-answer' && method !== 'GET' ? responseOf(words['server-error']) : answer;
    },
  };
}

async function routed(
  request: Request,
  { baseUrl, authorized, words, routes }: StandInOptions,
): Promise<StandInAnswer> {
  const url = new URL(request.url);
  const path = url.pathname.slice(new URL(baseUrl).pathname.replace(/\/$/, '').length);
  const matchedRoute = Object.entries(routes)
    .map(([route, answer]) => ({ params: paramsOf(route, `${request.method} ${path}`), answer }))
    .find(({ params }) => params);
  const text = await request.text();
  const seen = {
    method: request.method,
    url,
    headers: request.headers,
    params: matchedRoute?.params ?? {},
    body: undefined,
    text,
  };
  if (!authorized(seen)) return words.credentials;
  if (!matchedRoute) return words.unknown;
  const body = bodyOf(text, request.headers.get('content-type') ?? '');
  return body === malformed ? words.malformed : matchedRoute.answer({ ...seen, body });
}

/** The named parts of a route that a request matches; undefined where it does not. */
function paramsOf(route: string, request: string): Readonly<Record<string, string>> | undefined {
  const [wanted, input] = [route.split('/'), request.split('/')];
  if (
    wanted.length !== input.length ||
    !wanted.every((part, at) => (part.startsWith(':') ? input[at] !== '' : part === input[at]))
  )
    return undefined;
  return Object.fromEntries(
    wanted.flatMap((part, at) =>
      part.startsWith(':') ? [[part.slice(1), decodeURIComponent(input[at] ?? '')]] : [],
    ),
  );
}

const malformed = Symbol('malformed');

function bodyOf(text: string, type: string): unknown {
  if (text === '') return undefined;
  if (type.startsWith('application/x-www-form-urlencoded'))
    return Object.fromEntries(new URLSearchParams(text));
  if (/^(application|text)\/([\w-]+\+)?(xml|yaml)\b/.test(type)) return text;
  if (!/^application\/(x-amz-)?json\b/.test(type)) return malformed;
  try {
    return JSON.parse(text);
  } catch {
    return malformed;
  }
}

function responseOf({ status, body, text, headers = {} }: StandInAnswer): Response {
  return new Response(text ?? (body === undefined ? null : JSON.stringify(body)), {
    status,
    headers: { 'content-type': text === undefined ? 'application/json' : 'text/plain', ...headers },
  });
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
