import { type Clock, systemClock } from '@acmex/clock';
import type { ConfigValues } from '@acmex/config';
import {
  createRemoteJWKSet,
  customFetch,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from 'jose';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';
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
export function oidc({
  provider,
  tenants,
  fetch: fetching = fetch,
  clock = systemClock,
}: OidcOptions): TokenReader {
  let keys: Promise<JWTVerifyGetKey> | undefined;
  const providerKeys = async () => {
    keys ??= keySet(provider, fetching);
    return await keys.catch((error: unknown) => {
      keys = undefined;
      throw new ServerError(
        'ERR_SERVER_UNAVAILABLE',
        `the keys of ${provider.issuer} cannot be read`,
        { cause: error, retryAfter: 30 },
      );
    });
  };
  return async (token) => {
    const getKey = await providerKeys();
    const { issuer, audience } = provider;
    const payload = await jwtVerify(token, getKey, {
      issuer,
      audience,
      algorithms,
      clockTolerance: 30,
      requiredClaims: ['exp', 'sub'],
      currentDate: new Date(clock.now().epochMilliseconds),
    }).then(
      (verified) => verified.payload,
      () => undefined,
    );
    return payload && callerOf(payload, provider, tenants());
  };
}

/** Returns undefined where a claim is missing, or names a tenant that does not exist. */
function callerOf(
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
  const expiresAt =
    payload.exp === undefined ? undefined : new Date(payload.exp * 1000).toISOString();
  return {
    id: `oidc:${payload.sub.slice(0, 200)}`,
    tenant,
    scopes: granted,
    names: names.filter((name) => forbidden(tenant.names, [name]).length === 0 || name === '*'),
    expiresAt,
  };
}

function textsIn(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(/\s+/).filter((text) => text !== '');
  return Array.isArray(claim) ? claim.filter((text) => typeof text === 'string') : [];
}

async function keySet(
  { issuer, jwks_url: url }: OidcOptions['provider'],
  fetching: typeof fetch,
): Promise<JWTVerifyGetKey> {
  return createRemoteJWKSet(new URL(url ?? (await discovered(issuer, fetching))), {
    timeoutDuration: 5000,
    [customFetch]: fetching,
  });
}

async function discovered(issuer: string, fetching: typeof fetch): Promise<string> {
  const answer = await fetching(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    redirect: 'error',
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
