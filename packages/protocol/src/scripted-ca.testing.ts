import { flattenedVerify, importJWK, type JWK } from 'jose';
import { type Clock, virtualClock, type VirtualClock } from '@acmex/clock';
import {
  type AccountKey,
  type AcmeSession,
  acmeSession,
  type AcmeSessionOptions,
  type Fetch,
  generateAccountKey,
  type HttpRequest,
} from './index.ts';

/** What a request was, once its signature, URL and nonce have been found right. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly header: {
    readonly alg: string;
    readonly nonce?: string;
    readonly kid?: string;
    readonly jwk?: JWK;
  };
  /** Parsed JSON; undefined for a POST-as-GET. */
  readonly payload: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: object | string;
  /** A nonce comes with it unless this is false. */
  readonly nonce?: boolean;
}

export const base = 'https://ca.test';
export const problem = (type: string, detail = 'the CA says so', more: object = {}): Answer => ({
  status: 400,
  headers: { 'content-type': 'application/problem+json' },
  body: { type: `urn:ietf:params:acme:error:${type}`, detail, ...more },
});

/**
 * A strict stand-in for a CA: it answers what the test scripts for each URL path, and refuses by
 * throwing whatever is not a flattened JWS of the account's key with the right URL and a nonce of
 * its own that was not used before.
 */
export function scriptedCa(
  script: Readonly<Record<string, (request: Received) => Answer | Error | Promise<Answer | Error>>>,
) {
  const received: Received[] = [];
  const unused = new Set<string>();
  let nonces = 0;
  const nonce = () => {
    const nonce = `nonce-${++nonces}`;
    unused.add(nonce);
    return nonce;
  };
  const directory = {
    newNonce: `${base}/nonce`,
    newAccount: `${base}/account`,
    newOrder: `${base}/order`,
    revokeCert: `${base}/revoke`,
    keyChange: `${base}/key-change`,
    meta: {},
  };
  const built: typeof script = {
    '/dir': () => ({ body: directory, nonce: false }),
    '/nonce': () => ({}),
    '/account': () => ({
      status: 201,
      headers: { location: `${base}/account/1` },
      body: { status: 'valid' },
    }),
    ...script,
  };

  const fetch: Fetch = async (url, request) => {
    await new Promise((resolve) => setImmediate(resolve));
    request.signal.throwIfAborted();
    const recorded = {
      method: request.method,
      url,
      ...(request.method === 'POST'
        ? await opened(url, request, unused)
        : { header: { alg: '' }, payload: undefined }),
    };
    received.push(recorded);
    const handler = built[new URL(url).pathname];
    if (!handler) throw new Error(`the script has no ${url}`);
    const answer = await Promise.race([handler(recorded), aborted(request.signal)]);
    if (answer instanceof Error) throw answer;
    const { status = 200, headers = {}, body = '' } = answer;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return new Response(request.method === 'HEAD' || text === '' ? null : text, {
      status,
      headers: {
        ...(typeof body === 'object' ? { 'content-type': 'application/json' } : {}),
        ...(answer.nonce === false ? {} : { 'replay-nonce': nonce() }),
        ...headers,
      },
    });
  };
  return {
    fetch,
    received,
    count: (path: string) => received.filter(({ url }) => new URL(url).pathname === path).length,
  };
}

/** A session with a scripted CA, on a clock that does not move until the test moves it. */
export async function sessionWith(
  script: Parameters<typeof scriptedCa>[0],
  options: Partial<AcmeSessionOptions> & { readonly clock?: Clock } = {},
): Promise<{
  readonly session: AcmeSession;
  readonly ca: ReturnType<typeof scriptedCa>;
  readonly clock: VirtualClock;
  readonly key: AccountKey;
}> {
  const clock = virtualClock({ now: '2026-11-23T12:00:00Z' });
  const { key } = await generateAccountKey();
  const ca = scriptedCa(script);
  return {
    session: acmeSession({
      directory: `${base}/dir`,
      key,
      account: `${base}/account/1`,
      fetch: ca.fetch,
      clock,
      random: () => 0.5,
      ...options,
    }),
    ca,
    clock,
    key,
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** An error as a runtime's fetch throws it. */
export function networkError(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
}

async function opened(
  url: string,
  { headers, body }: HttpRequest,
  unused: Set<string>,
): Promise<Pick<Received, 'header' | 'payload'>> {
  const jws = JSON.parse(body ?? '') as {
    readonly protected: string;
    readonly payload: string;
    readonly signature: string;
  };
  if (headers['content-type'] !== 'application/jose+json')
    throw new Error('a JWS must be application/jose+json');
  if (Object.keys(jws).sort().join() !== 'payload,protected,signature')
    throw new Error('a flattened JWS has protected, payload and signature');
  const header = JSON.parse(
    Buffer.from(jws.protected, 'base64url').toString(),
  ) as Received['header'] & { readonly url: string };
  if (header.url !== url) throw new Error(`the JWS is for ${header.url}, and was sent to ${url}`);
  if ((header.kid === undefined) === (header.jwk === undefined))
    throw new Error('a JWS has either kid or jwk');
  if (header.jwk) await flattenedVerify(jws, await importJWK(header.jwk, header.alg));
  if (!header.nonce || !unused.delete(header.nonce))
    throw new Error(`the nonce ${header.nonce} is not one to use`);
  const text = Buffer.from(jws.payload, 'base64url').toString();
  return { header, payload: text === '' ? undefined : JSON.parse(text) };
}
