import { createHmac } from 'node:crypto';
import { type Clock, systemClock } from '@acmex/clock';
import type { ConfigValues } from '@acmex/config';
import { errorCode, errorText, printable } from '@acmex/errors';
import { decodeJwt, type JWTPayload } from 'jose';
import type { ClientAuth, Configuration, CustomFetch } from 'openid-client';
import { ServerError } from '../errors.ts';
import { digestOf, matches, newSecret } from './api-key.ts';
import type { Caller } from './caller.ts';
import type { OidcTokens } from './oidc.ts';

type Provider = NonNullable<ConfigValues['server']['oidc']>;

export interface OidcSignInOptions {
  /** With `client_id`. */
  readonly provider: Provider;
  readonly tokens: OidcTokens;
  readonly fetch?: typeof fetch | undefined;
  readonly clock?: Clock | undefined;
}

export interface SignInStart {
  /** Where the browser goes. */
  readonly location: string;
  /** What the browser must send with the answer of the provider. */
  readonly cookie: string;
}

/** What a provider has answered, as the browser brings it. */
export interface SignInAnswer {
  /** The address that the provider sent the browser to, with its query. */
  readonly url: URL;
  /** Of `SignInStart`. */
  readonly cookie: string;
}

/** Signs people in at a provider: OpenID Connect Core §3.1, with PKCE (RFC 7636). */
export interface OidcSignIn {
  /** What the page calls the provider. */
  readonly name: string;
  /** Of the configuration that gives people their rights. */
  readonly digest: string;
  /**
   * Begins a sign-in.
   * @param start `callback`: the address of this server that the provider answers to; `returnTo`:
   * the path that the browser goes to in the end
   * @throws ServerError `ERR_SERVER_UNAVAILABLE`
   */
  readonly begin: (start: {
    readonly callback: string;
    readonly returnTo: string;
  }) => Promise<SignInStart>;
  /**
   * Returns who has signed in.
   * @throws ServerError `ERR_SERVER_SIGN_IN_STATE`, `ERR_SERVER_SIGN_IN_DENIED`,
   * `ERR_SERVER_SIGN_IN_FAILED`, `ERR_SERVER_SIGN_IN_RIGHTS`, `ERR_SERVER_UNAVAILABLE`
   */
  readonly complete: (answer: SignInAnswer) => Promise<Caller>;
}

/** How long a sign-in may take at the provider. */
export const signInSeconds = 600;
const metadataLifetimeMs = 3_600_000;
/** How long the provider is not asked again after a failure. */
const failureLifetimeMs = 30_000;

/** Makes what signs people in at the provider of a configuration, which has `client_id`. */
export function oidcSignIn(options: OidcSignInOptions): OidcSignIn {
  const { provider, tokens, clock = systemClock } = options;
  const { issuer, audience, client_id: clientId = '', login_scopes: scopes } = provider;
  const { tenant_claim: tenant, scope_claim: scope, names_claim: names } = provider;
  const configuration = discovery(options);
  return {
    name: provider.login_name ?? new URL(issuer).host,
    digest: digestOf(JSON.stringify([issuer, audience, clientId, tenant, scope, names])),
    async begin({ callback, returnTo }) {
      const attempt = newAttempt(returnTo, clock);
      const client = await loadClient();
      const location = client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: callback,
        scope: scopes.join(' '),
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
        code_challenge_method: 'S256',
      });
      return { location: location.href, cookie: attempt.cookie };
    },
    async complete({ url, cookie }) {
      const attempt = openAttempt(cookie, url, clock);
      const { idToken, accessToken } = await exchanged(await configuration(), url, attempt);
      const identity = await tokens.claimsOf(idToken, clientId);
      if (!identity) throw failed(`the ID token of ${issuer} for ${clientId} is not valid`);
      const claims = await claimsFor(accessToken, identity, options);
      const caller = tokens.callerOf(claims);
      if (!caller || caller.scopes.size === 0) throw noRights(claims, provider);
      return { ...caller, title: titleIn(identity) };
    },
  };
}

/** A sign-in that has begun. All of it follows from its cookie: no process stores anything. */
interface Attempt {
  readonly cookie: string;
  readonly state: string;
  readonly nonce: string;
  /** RFC 7636 §4.1 */
  readonly verifier: string;
}

function newAttempt(returnTo: string, clock: Clock): Attempt {
  const path = Buffer.from(returnTo).toString('base64url');
  return attemptOf(`${newSecret()}.${secondsOf(clock)}.${path}`);
}

/**
 * Derives what identifies a sign-in from its cookie. The provider sees state and nonce, from which
 * neither the secret of the cookie nor the verifier follows.
 */
function attemptOf(cookie: string): Attempt {
  const [secret = '', ...details] = cookie.split('.');
  const derived = (purpose: string) =>
    createHmac('sha256', secret)
      .update(`acmex sign-in ${purpose} ${details.join('.')}`)
      .digest('base64url');
  return {
    cookie,
    state: derived('state'),
    nonce: derived('nonce'),
    verifier: derived('verifier'),
  };
}

/** Returns the path that the browser goes to after a sign-in; undefined if the cookie is not valid. */
export function returnPathOf(cookie: string): string | undefined {
  const [, path] = /^[\w-]{43}\.\d{1,12}\.([\w-]*)$/.exec(cookie) ?? [];
  return path === undefined ? undefined : Buffer.from(path, 'base64url').toString();
}

/** @throws ServerError `ERR_SERVER_SIGN_IN_STATE` */
function openAttempt(cookie: string, { searchParams }: URL, clock: Clock): Attempt {
  const attempt = attemptOf(cookie);
  const age = secondsOf(clock) - Number(cookie.split('.')[1]);
  const isKnown = returnPathOf(cookie) !== undefined && age <= signInSeconds;
  const state = searchParams.get('state') ?? '';
  if (isKnown && matches(state, digestOf(attempt.state))) return attempt;
  throw new ServerError(
    'ERR_SERVER_SIGN_IN_STATE',
    'the answer of the provider does not belong to a sign-in that this browser has begun in the last ten minutes: begin again',
  );
}

function secondsOf(clock: Clock): number {
  return Math.floor(clock.now().epochMilliseconds / 1000);
}

/** Loaded when someone signs in: few servers need it. */
const loadClient = async () => await import('openid-client');

/**
 * Returns what reads the description of the provider, once an hour. After a failure the provider is
 * not asked again for a while.
 */
function discovery(options: OidcSignInOptions): () => Promise<Configuration> {
  const { clock = systemClock } = options;
  let latest:
    { readonly configuration: Promise<Configuration>; readonly endMs: number } | undefined;
  return async () => {
    const startMs = clock.monotonic();
    if (!latest || startMs >= latest.endMs) {
      const configuration = discovered(options);
      latest = { configuration, endMs: startMs + metadataLifetimeMs };
      configuration.catch(() => {
        latest = { configuration, endMs: clock.monotonic() + failureLifetimeMs };
      });
    }
    return await latest.configuration;
  };
}

async function discovered({
  provider: { issuer, client_id: clientId = '', client_secret: secret },
  fetch: fetching = fetch,
}: OidcSignInOptions): Promise<Configuration> {
  const client = await loadClient();
  const authenticate: ClientAuth = async (server, metadata, body, headers) => {
    if (!secret) return client.None()(server, metadata, body, headers);
    const { token_endpoint_auth_methods_supported: methods } = server;
    const isBasic = methods?.includes('client_secret_basic') ?? true;
    const method = isBasic ? client.ClientSecretBasic : client.ClientSecretPost;
    await method(await secret.reveal())(server, metadata, body, headers);
  };
  try {
    return await client.discovery(new URL(issuer), clientId, undefined, authenticate, {
      [client.customFetch]: reachable(fetching, issuer),
      timeout: 10,
    });
  } catch (cause) {
    throw unavailableIn(cause) ?? unavailable(issuer, cause);
  }
}

/** A fetch whose failures, and answers that say that the provider is out of order, have a code. */
function reachable(fetching: typeof fetch, issuer: string): CustomFetch {
  return async (url, { body, ...options }) => {
    const response = await fetching(url, {
      ...options,
      ...(body === undefined ? {} : { body: body as RequestInit['body'] }),
    }).catch((cause: unknown) => {
      throw unavailable(issuer, cause);
    });
    if (response.status >= 500)
      throw unavailable(issuer, new Error(`it answered ${response.status}`));
    return response;
  };
}

function unavailable(issuer: string, cause: unknown): ServerError {
  return new ServerError(
    'ERR_SERVER_UNAVAILABLE',
    `${issuer} cannot sign anyone in now (${printable(errorText(cause), 300)}): try again later`,
    { cause, retryAfter: failureLifetimeMs / 1000 },
  );
}

/** Returns the error of a provider that cannot be reached, around which others may be. */
function unavailableIn(error: unknown): unknown {
  if (errorCode(error) === 'ERR_SERVER_UNAVAILABLE') return error;
  return error instanceof Error && error.cause !== undefined
    ? unavailableIn(error.cause)
    : undefined;
}

interface ExchangedTokens {
  readonly idToken: string;
  readonly accessToken: string;
}

/**
 * Exchanges the code of an answer for tokens. State, issuer, nonce and PKCE are checked.
 * @throws ServerError `ERR_SERVER_SIGN_IN_DENIED`, `ERR_SERVER_SIGN_IN_FAILED`,
 * `ERR_SERVER_UNAVAILABLE`
 */
async function exchanged(
  configuration: Configuration,
  url: URL,
  { state, nonce, verifier }: Attempt,
): Promise<ExchangedTokens> {
  const client = await loadClient();
  try {
    const answer = await client.authorizationCodeGrant(configuration, url, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
    return { idToken: answer.id_token ?? '', accessToken: answer.access_token };
  } catch (cause) {
    throw unavailableIn(cause) ?? refusal(cause);
  }
}

/** Returns the error of an answer that is not accepted, in the words of the provider if it has any. */
function refusal(cause: unknown): ServerError {
  const { error, error_description: description } = (cause ?? {}) as {
    readonly error?: unknown;
    readonly error_description?: unknown;
  };
  const words = [error, description].filter((text) => typeof text === 'string').join(': ');
  if (error === 'access_denied')
    return new ServerError(
      'ERR_SERVER_SIGN_IN_DENIED',
      `the provider denied the sign-in (${printable(words, 300)})`,
      { cause },
    );
  return failed(printable(words === '' ? reasonOf(cause) : words, 300), cause);
}

/** The innermost message says which check has failed. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error
    ? reasonOf(error.cause)
    : errorText(error);
}

function failed(reason: string, cause?: unknown): ServerError {
  return new ServerError(
    'ERR_SERVER_SIGN_IN_FAILED',
    `the answer of the provider cannot be used: ${reason}`,
    { cause },
  );
}

/**
 * Returns the claims that give a person their rights: those of the access token if that is for this
 * server, else those of the ID token. An access token for this server that is not valid is an error,
 * and not replaced.
 * @throws ServerError `ERR_SERVER_SIGN_IN_FAILED`, `ERR_SERVER_UNAVAILABLE`
 */
async function claimsFor(
  accessToken: string,
  identity: JWTPayload,
  { provider: { audience }, tokens }: OidcSignInOptions,
): Promise<JWTPayload> {
  if (!audiencesOf(accessToken).includes(audience)) return identity;
  const claims = await tokens.claimsOf(accessToken, audience);
  if (!claims) throw failed(`the access token for ${audience} is not valid`);
  if (claims.sub !== identity.sub) throw failed('the two tokens are of different people');
  return claims;
}

/** Returns for whom a token says that it is; nothing if it is not a JWT. */
function audiencesOf(token: string): readonly string[] {
  try {
    return [decodeJwt(token).aud ?? []].flat();
  } catch {
    // Many access tokens are only for the provider to read.
    return [];
  }
}

function noRights(
  { sub, ...claims }: JWTPayload,
  { tenant_claim: tenant, scope_claim: scope, names_claim: names }: Provider,
): ServerError {
  const claimNames = [tenant, scope, ...(names === undefined ? [] : [names])];
  const absent = claimNames.filter((name) => claims[name] === undefined);
  const reason =
    absent.length > 0
      ? `it has no claim ${absent.join(', ')}`
      : `its claims ${claimNames.join(', ')} name nothing that is here`;
  return new ServerError(
    'ERR_SERVER_SIGN_IN_RIGHTS',
    `the token of ${printable(String(sub), 200)} gives no rights here: ${reason}`,
  );
}

/** Returns what people call the person. OpenID Connect Core §5.1 */
function titleIn({ preferred_username: username, email, name }: JWTPayload): string | undefined {
  const title = [username, email, name].find((text) => typeof text === 'string' && text !== '');
  return title === undefined ? undefined : printable(String(title), 80);
}
