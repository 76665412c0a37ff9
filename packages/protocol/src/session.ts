import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import type { AccountKey } from './account-key.ts';
import type { CallOptions } from './call-options.ts';
import type { Directory } from './directory.ts';
import {
  type DirectoryCache,
  type DirectoryOptions,
  DirectoryReader,
  isNotJson,
} from './directory-cache.ts';
import { AcmeError } from './errors.ts';
import type { AcmeExchange, AcmeOperation } from './exchange-report.ts';
import type { AcmeResponse, Fetch, HttpCall, HttpOptions } from './http.ts';
import { signJws } from './jws.ts';
import { isNonce, NoncePool } from './nonce-pool.ts';
import { checkOrigin, directoryUrlOf } from './origins.ts';
import { PollPace } from './poll-pace.ts';
import { refusal } from './refusal.ts';
import { type RequestPace, type Send, sender } from './sender.ts';

export interface GetOptions extends CallOptions {
  /** What the request is for, as `onExchange` reports it; `other` by default. */
  readonly operation?: AcmeOperation;
}

export interface PostOptions extends GetOptions {
  /**
   * Whether to send it again when its answer was lost. Yes for a POST-as-GET (no payload), else no.
   */
  readonly repeatable?: boolean;
  /**
   * A key that speaks for itself: the JWS carries it in place of the account's URL, as newAccount
   * and a revocation by the certificate's own key need. Absent: the account's key, named by the
   * account's URL. RFC 8555 §6.2
   */
  readonly signedBy?: AccountKey | undefined;
}

/**
 * One account at one CA: directory, account key and nonces behind a signed POST. RFC 8555 §6. Safe
 * for concurrent use.
 */
export interface AcmeSession {
  readonly key: AccountKey;
  readonly clock: Clock;
  readonly random: () => number;
  /** How soon the CA is done with an order. */
  readonly pace: PollPace;
  /** The account's URL: given, or known once `newAccount` has found it. */
  account: string | undefined;
  /**
   * The CA's directory: from the cache where that has one, else read when it is first asked for, and
   * again after a day.
   */
  directory(options?: DirectoryOptions): Promise<Directory>;
  /**
   * A signed POST; without a payload a POST-as-GET. A refused nonce is replaced by the refusal's
   * own, ten times by default. What was never sent, and what may be repeated, is tried four times
   * in all with growing random pauses.
   * @throws AcmeError with the CA's problem, or why there was no answer; `ERR_ACME_ANSWER` for a URL
   * that is not https or not at an origin of the directory; the signal's reason
   */
  post(url: string, payload?: object, options?: PostOptions): Promise<AcmeResponse>;
  /** An unsigned GET, for the few resources that need no account. */
  get(url: string, options?: GetOptions): Promise<AcmeResponse>;
}

export interface AcmeSessionOptions {
  /** URL of the CA's directory: https, or http to a loopback address. */
  readonly directory: string;
  readonly key: AccountKey;
  /** The account's URL, when it is known: spares the look-up. */
  readonly account?: string | undefined;
  /**
   * Where directories are kept for other sessions, for a day or for as long as the CA's
   * `Cache-Control` allows; then the CA is asked whether its directory has changed (`ETag`). Where a
   * URL of a directory from the cache does not work, the directory is read from the CA and the
   * request is sent again. None by default: each session asks the CA.
   */
  readonly directories?: DirectoryCache | undefined;
  /** The global `fetch` by default. */
  readonly fetch?: Fetch;
  readonly clock?: Clock;
  /** 0 ≤ random() < 1; for the pauses between attempts. */
  readonly random?: () => number;
  /** For one request and its answer; 30 seconds by default. */
  readonly requestLimit?: DurationInput;
  /** How often a refused nonce is replaced in one call; 10 by default. */
  readonly nonceRefusals?: number;
  /**
   * Called with each request that has ended: every attempt, those for the directory and for nonces
   * included. For metrics and traces; it must not throw.
   */
  readonly onExchange?: ((exchange: AcmeExchange) => void) | undefined;
  /**
   * Called before each attempt of a request: waits until the CA's limits of requests allow it. No
   * wait by default.
   */
  readonly requestPace?: RequestPace | undefined;
  /** Precedes the library's own name in `User-Agent` (RFC 8555 §6.1). */
  readonly userAgent?: string;
}

/**
 * @throws AcmeError `ERR_ACME_URL` for a directory that is not https. Nothing is sent before the
 * first call.
 */
export function acmeSession(options: AcmeSessionOptions): AcmeSession {
  const { key, clock = systemClock, random = Math.random, nonceRefusals = 10 } = options;
  const directoryUrl = directoryUrlOf(options.directory);
  const nonces = new NoncePool(
    async (signal) => await fetchNonce({ send, directories }, signal),
    clock,
  );
  const sendAnywhere = sender({
    http: httpOptions(options, clock),
    random,
    onExchange: options.onExchange,
    requestPace: options.requestPace,
    onRepeat: ({ headers }) => nonces.put(headers.get('replay-nonce')),
  });
  const directories = new DirectoryReader({
    send: sendAnywhere,
    url: directoryUrl,
    clock,
    cache: options.directories,
  });
  const send: Send = async (call, sendOptions) => {
    const { url, signal } = sendOptions;
    await checkOrigin(
      url,
      directoryUrl,
      async (from) => await directories.read({ ...from, signal }),
    );
    return await sendAnywhere(call, sendOptions);
  };
  const session: AcmeSession = {
    key,
    clock,
    random,
    pace: new PollPace(),
    account: options.account,
    directory: async (directoryOptions) => await directories.read(directoryOptions),
    get: async (url, getOptions) =>
      await unsignedGet({ send, directories, clock }, url, getOptions),
    post: async (url, payload, { signal, ...postOptions } = {}) =>
      await directories.atCurrentUrl(
        url,
        async (current) =>
          await signedPost({ session, send, nonces, nonceRefusals }, current, payload, {
            ...postOptions,
            signal,
          }),
        { signal, isForeign: isNotJson },
      ),
  };
  return session;
}

interface Getter {
  readonly send: Send;
  readonly directories: DirectoryReader;
  readonly clock: Clock;
}

/** See `AcmeSession.get`. */
async function unsignedGet(
  { send, directories, clock }: Getter,
  url: string,
  { signal, operation = 'other' }: GetOptions = {},
): Promise<AcmeResponse> {
  const get = async (current: string) => {
    const answer = await send(
      { method: 'GET', signal },
      { url: current, operation, repeatable: true, signal },
    );
    if (answer.status >= 300) throw refusal(answer, clock.now());
    return answer;
  };
  return await directories.atCurrentUrl(url, get, { signal, isForeign: isNotJson });
}

interface Poster {
  readonly session: AcmeSession;
  readonly send: Send;
  readonly nonces: NoncePool;
  readonly nonceRefusals: number;
}

/** See `AcmeSession.post`. */
async function signedPost(
  { session, send, nonces, nonceRefusals }: Poster,
  url: string,
  payload: object | undefined,
  options: PostOptions,
): Promise<AcmeResponse> {
  const { key, clock } = session;
  const { signal, repeatable = payload === undefined, signedBy, operation = 'other' } = options;
  const signer = signedBy ?? key;
  const identity = signedBy ? { jwk: signedBy.jwk } : { kid: knownAccount(session, url) };
  const body = payload === undefined ? '' : JSON.stringify(payload);
  let nextNonce: string | null = null;
  const signed = async (): Promise<HttpCall> => {
    const nonce = nextNonce ?? (await nonces.take({ signal }));
    nextNonce = null;
    const jws = await signJws(signer, { nonce, url, ...identity }, body);
    return { method: 'POST', body: JSON.stringify(jws), signal };
  };
  for (let refusals = 0; ; refusals++) {
    const answer = await nonces.during(() => send(signed, { url, operation, repeatable, signal }));
    const fresh = answer.headers.get('replay-nonce');
    const error = answer.status < 300 ? undefined : refusal(answer, clock.now());
    if (error?.code === 'ERR_ACME_BAD_NONCE' && refusals < nonceRefusals) {
      nextNonce = isNonce(fresh) ? fresh : null;
      continue;
    }
    nonces.put(fresh);
    if (error) throw error;
    return answer;
  }
}

function httpOptions(
  { fetch: send = fetch, requestLimit = 'PT30S', userAgent }: AcmeSessionOptions,
  clock: Clock,
): HttpOptions {
  const product = userAgent ? `${userAgent} ` : '';
  return { fetch: send, clock, requestLimit, userAgent: `${product}acmex-protocol` };
}

async function fetchNonce(
  { send, directories }: Pick<Getter, 'send' | 'directories'>,
  signal: AbortSignal,
): Promise<string> {
  const { newNonce } = await directories.read({ signal });
  const fetched = async (url: string) => {
    const { status, headers } = await send(
      { method: 'HEAD', signal },
      { url, operation: 'newNonce', repeatable: true, signal },
    );
    const nonce = headers.get('replay-nonce');
    if (isNonce(nonce)) return nonce;
    return fail(
      'ERR_ACME_NO_NONCE',
      nonce === null
        ? `${url} answered ${status} without a Replay-Nonce`
        : `${url} answered with the Replay-Nonce "${printable(nonce, 100)}", which is not base64url: a client must ignore it (RFC 8555 §6.5.1)`,
    );
  };
  return await directories.atCurrentUrl(newNonce, fetched, { signal });
}

function knownAccount({ account }: Pick<AcmeSession, 'account'>, url: string): string {
  return account ?? fail('ERR_ACME_NO_ACCOUNT', `${url} needs an account: call newAccount first`);
}

function fail(code: 'ERR_ACME_NO_NONCE' | 'ERR_ACME_NO_ACCOUNT', message: string): never {
  throw new AcmeError(code, message);
}
