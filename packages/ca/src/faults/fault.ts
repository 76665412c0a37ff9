import type { Handler } from '../handler.ts';
import type { Connection } from '../plain-http.ts';

const resources = {
  directory: /\/directory$/,
  newNonce: /\/new-nonce$/,
  newAccount: /\/new-account$/,
  account: /\/account\/[^/]+$/,
  orders: /\/orders(\/[^/]+)?$/,
  newOrder: /\/new-order$/,
  finalize: /\/finalize$/,
  order: /\/order\/[^/]+$/,
  authorization: /\/authorization\/[^/]+$/,
  challenge: /\/challenge\/[^/]+\/[^/]+$/,
  certificate: /\/certificate\/[^/]+(\/\d)?$/,
  renewalInfo: /\/renewal-info\/[^/]+$/,
  keyChange: /\/key-change$/,
  revokeCert: /\/revoke-cert$/,
} as const;

/** What a request is about. */
export type Resource = keyof typeof resources;

/** A request on its way, and the CA that it is for. */
export interface Exchange {
  readonly request: Request;
  readonly resource: Resource | undefined;
  /** The CA without this fault, for requests that the fault itself makes. */
  readonly inner: Handler;
}

/**
 * Does something wrong with some requests: before, instead of, or after the CA's own answer, which
 * `next` returns.
 */
export type Fault = (exchange: Exchange, next: () => Promise<Response>) => Promise<Response>;

/** Which requests a fault affects. */
export interface When {
  /** All by default, unless the fault says otherwise. */
  readonly on?: readonly Resource[];
  /** How often at most; unlimited by default. */
  readonly times?: number;
  /** Between 0 and 1: the share of the requests that it affects; all by default. */
  readonly rate?: number;
  /** For `rate`: from 0 up to 1. */
  readonly random?: () => number;
}

/** An object of JSON. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * Returns a CA with faults, to test a client. Faults form a queue: the first is the nearest to the
 * client. A fault that breaks the connection rejects: `nodeHandler` then closes it, and the fetch
 * of a client that calls the handler fails.
 */
export function withFaults(handler: Handler, faults: readonly Fault[]): Handler {
  return faults.reduceRight<Handler>(
    (inner, fault) => (request, connection) =>
      fault({ request, resource: resourceOf(request.url), inner }, () =>
        inner(request, connection),
      ),
    handler,
  );
}

/**
 * Does `work` to the requests that `when` selects, and lets the others pass.
 * @param isMeant A further condition; a request that fails it is not counted.
 */
export function sometimes(
  { on, times = Infinity, rate = 1, random = Math.random }: When,
  work: Fault,
  isMeant: (exchange: Exchange) => boolean | Promise<boolean> = () => true,
): Fault {
  let left = times;
  return async (exchange, next) => {
    const isListed = !on || (exchange.resource !== undefined && on.includes(exchange.resource));
    if (!isListed || left <= 0 || !(await isMeant(exchange)) || random() >= rate)
      return await next();
    left -= 1;
    return await work(exchange, next);
  };
}

function resourceOf(url: string): Resource | undefined {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  return (Object.keys(resources) as Resource[]).find((key) => resources[key].test(path));
}

/** Returns a nonce of the CA, for an answer that the CA did not make. */
export async function freshNonce(
  { request, inner }: Exchange,
  connection?: Connection,
): Promise<string | null> {
  const newNonce = new URL(
    request.url.replace(
      /\/(new-[a-z]+|order|account|authorization|challenge|certificate|key-change|revoke-cert|renewal-info|directory)(\/.*)?$/,
      '/new-nonce',
    ),
  );
  return (await inner(new Request(newNonce, { method: 'HEAD' }), connection)).headers.get(
    'replay-nonce',
  );
}

/** Returns an answer with JSON in place of the CA's, with a nonce. */
export async function jsonAnswer(
  exchange: Exchange,
  json: Json,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const nonce = await freshNonce(exchange);
  const all = new Headers(headers);
  if (!all.has('content-type')) all.set('content-type', 'application/json');
  all.set('cache-control', 'no-store');
  if (nonce !== null) all.set('replay-nonce', nonce);
  return new Response(JSON.stringify(json), { status, headers: all });
}

/** A problem document. RFC 8555 §6.7 */
export interface Problem {
  /** The last part of its URN: `malformed`. */
  readonly type: string;
  readonly detail: string;
  readonly status: number;
  readonly instance?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Returns a problem document in place of the CA's answer. */
export async function refuse(
  exchange: Exchange,
  { type, detail, status, instance, headers = {} }: Problem,
): Promise<Response> {
  return await jsonAnswer(
    exchange,
    { type: problemType(type), detail, status, ...(instance === undefined ? {} : { instance }) },
    { status, headers: { 'content-type': 'application/problem+json', ...headers } },
  );
}

export function problemType(type: string): string {
  return `urn:ietf:params:acme:error:${type}`;
}

/**
 * Returns the same answer with another object in it; problems and bodies that are not a JSON object
 * are unchanged.
 */
export async function rewritten(answer: Response, change: (json: Json) => Json): Promise<Response> {
  const text = await answer.text();
  const body =
    answer.ok && /^application\/json/.test(answer.headers.get('content-type') ?? '')
      ? JSON.stringify(change(JSON.parse(text) as Json))
      : text;
  return new Response(body === '' ? null : body, answer);
}

/** What a client has signed. */
export interface SignedContent {
  readonly header: Json;
  /** Undefined for a POST-as-GET. */
  readonly payload: Json | undefined;
}

/** Returns what a request contains; undefined if it is not a JWS. The request can still be sent. */
export async function signedContent(request: Request): Promise<SignedContent | undefined> {
  if (request.method !== 'POST') return undefined;
  try {
    const { protected: header, payload } = (await request.clone().json()) as Record<string, string>;
    return {
      header: decoded(header),
      payload: payload === '' ? undefined : decoded(payload),
    };
  } catch {
    return undefined; // the CA refuses it
  }
}

function decoded(base64url = ''): Json {
  return JSON.parse(Buffer.from(base64url, 'base64url').toString()) as Json;
}
