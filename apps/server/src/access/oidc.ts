import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import type { ConfigValues } from '@acmex/config';
import { errorCode, printable } from '@acmex/errors';
import {
  createRemoteJWKSet,
  customFetch,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from 'jose';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';
import { digestOf } from './api-key.ts';
import type { Caller } from './caller.ts';
import { forbidden } from './permitted-names.ts';
import { type Scope, scopes } from './scopes.ts';

export interface OidcOptions {
  readonly provider: NonNullable<ConfigValues['server']['oidc']>;
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly fetch?: typeof fetch | undefined;
  readonly clock?: Clock | undefined;
}

/** Reads a token. Undefined: it is not valid. */
export type TokenReader = (token: string) => Promise<Caller | undefined>;

/** The tokens of a provider, and what they permit. */
export interface OidcTokens {
  /** Reads a token that a request is sent with. */
  readonly read: TokenReader;
  /**
   * Returns the claims of a token for an audience. Undefined: it is not valid.
   * @throws ServerError `ERR_SERVER_UNAVAILABLE`
   */
  readonly claimsOf: (token: string, audience: string) => Promise<JWTPayload | undefined>;
  /** Returns undefined where a claim is missing, or names a tenant that does not exist. */
  readonly callerOf: (claims: JWTPayload) => Caller | undefined;
}

/** Signatures by keys that only the provider has; never a shared secret, never none. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

/**
 * Tokens of an OpenID Connect provider (RFC 9068, OpenID Connect Core §2): claims become tenant,
 * scopes and names.
 */
export function oidc(options: OidcOptions): OidcTokens {
  const { provider, tenants, clock = systemClock } = options;
  const { issuer } = provider;
  const getKey = providerKeys(options);
  const claimsOf: OidcTokens['claimsOf'] = async (token, audience) =>
    await jwtVerify(token, getKey, {
      issuer,
      audience,
      algorithms,
      clockTolerance: 30,
      requiredClaims: ['exp', 'sub'],
      currentDate: new Date(clock.now().epochMilliseconds),
    }).then(
      ({ payload }) => payload,
      (error: unknown) => {
        if (errorCode(error) === 'ERR_SERVER_UNAVAILABLE') throw error;
        return undefined;
      },
    );
  const callerOf = (claims: JWTPayload) => callerIn(claims, provider, tenants());
  return {
    claimsOf,
    callerOf,
    async read(token) {
      const claims = await claimsOf(token, provider.audience);
      return claims && callerOf(claims);
    },
  };
}

/** How long the provider is not asked again after a failure. */
const failureLifetimeMs = 30_000;
/** Errors of jose that say that a token has no key of the provider, which was asked. */
const unknownKeyCodes: ReadonlySet<string> = new Set([
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JOSE_ALG_NOT_ALLOWED',
]);

/**
 * Finds the provider's keys. After a failure the provider is not asked again for a while, whatever
 * tokens come; keys of the last ten minutes are used meanwhile.
 * @returns a function that throws ServerError `ERR_SERVER_UNAVAILABLE` where the provider cannot be
 * asked
 */
function providerKeys({ provider, fetch: fetching = fetch, clock = systemClock }: OidcOptions) {
  let failure: { readonly atMs: number; readonly cause: unknown } | undefined;
  const recentFailure = () =>
    failure && clock.monotonic() - failure.atMs < failureLifetimeMs ? failure : undefined;
  const patientFetch: typeof fetch = async (...request) => {
    const recent = recentFailure();
    if (recent) throw recent.cause;
    return await fetching(...request);
  };
  let keys: Promise<JWTVerifyGetKey> | undefined;
  const getKey: JWTVerifyGetKey = async (header, token) => {
    keys ??= keySet(provider, patientFetch, clock);
    const current = keys;
    try {
      return await (
        await current
      )(header, token);
    } catch (cause) {
      if (unknownKeyCodes.has(errorCode(cause) ?? '')) throw cause;
      failure = recentFailure() ?? { atMs: clock.monotonic(), cause };
      current.catch(() => {
        keys = undefined;
      });
      throw new ServerError(
        'ERR_SERVER_UNAVAILABLE',
        `the keys of ${provider.issuer} cannot be read: try again later`,
        { cause, retryAfter: failureLifetimeMs / 1000 },
      );
    }
  };
  return getKey;
}

/** Returns undefined where a claim is missing, or names a tenant that does not exist. */
function callerIn(
  payload: JWTPayload,
  {
    tenant_claim: tenantClaim,
    scope_claim: scopeClaim,
    names_claim: namesClaim,
  }: OidcOptions['provider'],
  tenants: ReadonlyMap<string, Tenant>,
): Caller | undefined {
  const only = tenants.size === 1 ? [...tenants.values()][0] : undefined;
  const named = payload[tenantClaim];
  const nameless = named === undefined ? only : undefined;
  const tenant = typeof named === 'string' ? tenants.get(named) : nameless;
  const names = namesClaim === undefined ? ['*'] : textsIn(payload[namesClaim]);
  if (!tenant || typeof payload.sub !== 'string' || names.length === 0) return undefined;
  const claimed = new Set(textsIn(payload[scopeClaim]));
  const granted: ReadonlySet<Scope> = new Set(scopes.filter((scope) => claimed.has(scope)));
  const end = new Date((payload.exp ?? NaN) * 1000);
  // A moment that no calendar has.
  if (Number.isNaN(end.getTime())) return undefined;
  return {
    id: `oidc:${subjectId(payload.sub)}`,
    tenant,
    scopes: granted,
    names: names.filter((name) => forbidden(tenant.names, [name]).length === 0 || name === '*'),
    expiresAt: end.toISOString(),
  };
}

/**
 * Returns a subject as events show it. One that is long, or has characters that take effect where
 * they are shown, ends with its hash, so that no two become the same.
 */
function subjectId(subject: string): string {
  const safe = printable(subject, 200);
  return safe === subject && !subject.includes(' sha256:')
    ? subject
    : `${printable(subject, 100)} sha256:${digestOf(subject)}`;
}

function textsIn(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(/\s+/).filter((text) => text !== '');
  return Array.isArray(claim) ? claim.filter((text) => typeof text === 'string') : [];
}

async function keySet(
  { issuer, jwks_url: url }: OidcOptions['provider'],
  fetching: typeof fetch,
  clock: Clock,
): Promise<JWTVerifyGetKey> {
  const discover = async (signal: AbortSignal) => await discovered(issuer, fetching, signal);
  const keysUrl = url ?? (await withTimeLimit({ clock, limit: { seconds: 5 } }, discover));
  return createRemoteJWKSet(new URL(keysUrl), {
    timeoutDuration: 5000,
    [customFetch]: fetching,
  });
}

async function discovered(
  issuer: string,
  fetching: typeof fetch,
  signal: AbortSignal,
): Promise<string> {
  const answer = await fetching(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    redirect: 'error',
    signal,
  });
  const document: unknown = await answer.json();
  const { issuer: described, jwks_uri: url } = (document ?? {}) as {
    readonly issuer?: unknown;
    readonly jwks_uri?: unknown;
  };
  if (described !== issuer || typeof url !== 'string' || !url.startsWith('https://'))
    throw new Error('its discovery document is of another issuer, or names no keys');
  return url;
}
