import type { Connection, Handler } from '../handler.ts';

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

/** A request on its way, and the CA behind. */
export interface Exchange {
  readonly request: Request;
  readonly resource: Resource | undefined;
  /** The CA without this fault, for requests that the fault itself makes. */
  readonly inner: Handler;
}

/**
 * Does something wrong with some requests: before, instead of, or after the CA's own answer, which
 * `next` gives.
 */
export type Fault = (exchange: Exchange, next: () => Promise<Response>) => Promise<Response>;

/** Which requests a fault meets. */
export interface When {
  /** All by default. */
  readonly on?: readonly Resource[];
  /** How often at most; without end by default. */
  readonly times?: number;
  /** Between 0 and 1: the part of the requests that it meets; all by default. */
  readonly rate?: number;
  /** For `rate`: from 0 up to 1. */
  readonly random?: () => number;
}

/**
 * A CA that does wrong by a script, to try a client with. Faults form a queue: the first is the
 * nearest to the client. A fault that breaks the connection rejects: `nodeHandler` then cuts it,
 * and a client that is handed the handler sees its fetch fail.
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

/** Does `work` to the requests that are meant, and lets the others pass. */
export function sometimes(
  { on, times = Infinity, rate = 1, random = Math.random }: When,
  work: Fault,
): Fault {
  let left = times;
  return async (exchange, next) => {
    if (
      left <= 0 ||
      (on && !(exchange.resource && on.includes(exchange.resource))) ||
      random() >= rate
    )
      return await next();
    left -= 1;
    return await work(exchange, next);
  };
}

function resourceOf(url: string): Resource | undefined {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  return (Object.keys(resources) as Resource[]).find((key) => resources[key].test(path));
}

/** A nonce of the CA's own, for an answer that the CA did not give. */
export async function freshNonce(
  { request, inner }: Exchange,
  connection?: Connection,
): Promise<string | null> {
  const directory = new URL(
    request.url.replace(
      /\/(new-[a-z]+|order|account|authorization|challenge|certificate|key-change|revoke-cert|renewal-info|directory)(\/.*)?$/,
      '/new-nonce',
    ),
  );
  return (await inner(new Request(directory, { method: 'HEAD' }), connection)).headers.get(
    'replay-nonce',
  );
}

type Json = Readonly<Record<string, unknown>>;

/**
 * The same answer with another object in it; problems and bodies that are not a JSON object are
 * unchanged.
 */
export async function rewritten(answer: Response, change: (json: Json) => Json): Promise<Response> {
  const text = await answer.text();
  const body =
    answer.ok && /^application\/json/.test(answer.headers.get('content-type') ?? '')
      ? JSON.stringify(change(JSON.parse(text) as Json))
      : text;
  return new Response(body === '' ? null : body, answer);
}
