import type { IncomingHttpHeaders } from 'node:http';
import { timingSafeEqual } from 'node:crypto';
import { networkOf } from '@acmex/identifier';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';
import { digestOf, readKeyText } from './api-key.ts';
import type { Caller } from './caller.ts';
import type { KeyStore } from './key-store.ts';
import type { TokenReader } from './oidc.ts';
import { scopes } from './scopes.ts';

export interface AuthenticatorOptions {
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly keysOf: (tenant: Tenant) => KeyStore;
  /** Digests of keys of the configuration, which may do everything in the first tenant. */
  readonly configured: () => readonly string[];
  readonly tokens?: (() => TokenReader | undefined) | undefined;
  /** Called when the key of the initial file was used. */
  readonly onFirstUse?: (() => Promise<void>) | undefined;
}

/** Failures in a minute: of one address with one key, and of one address in all. */
const [ofKey, ofAddress] = [
  { points: 10, duration: 60 },
  { points: 60, duration: 60 },
];

/** Authenticates callers by API keys and tokens. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #byKey = new RateLimiterMemory(ofKey);
  readonly #byAddress = new RateLimiterMemory(ofAddress);

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /**
   * @returns undefined where the request says nothing of who it is from
   * @throws ServerError `ERR_SERVER_UNAUTHENTICATED`, `ERR_SERVER_THROTTLED`
   */
  async authenticate(headers: IncomingHttpHeaders, address: string): Promise<Caller | undefined> {
    const credentials = credentialsIn(headers);
    if (credentials.length === 0) return undefined;
    const [text = ''] = credentials;
    const from = networkOf(address);
    const both = `${from} ${readKeyText(text)?.id ?? digestOf(text).slice(0, 16)}`;
    await this.#assertPatient(from, both);
    const caller = credentials.length === 1 ? await this.#callerOf(text) : undefined;
    if (caller) return caller;
    await this.#failed(from, both);
    throw new ServerError(
      'ERR_SERVER_UNAUTHENTICATED',
      'this key or token is not valid here: it is unknown, has ended, or was revoked',
    );
  }

  async #callerOf(text: string): Promise<Caller | undefined> {
    const { tenants, keysOf, tokens, onFirstUse } = this.#options;
    const read = readKeyText(text);
    if (read) {
      const tenant = tenants().get(read.tenant);
      // A tenant that is not there costs what another costs.
      const key = await keysOf(tenant ?? first(tenants())).verified(read.id, read.secret);
      if (!tenant || !key) return undefined;
      if (key.firstUse) await onFirstUse?.();
      return {
        id: key.id,
        tenant,
        scopes: new Set(key.scopes),
        names: key.names,
        expiresAt: key.expiresAt,
      };
    }
    if (this.#isConfigured(text))
      return {
        id: 'key_configured',
        tenant: first(tenants()),
        scopes: new Set(scopes),
        names: ['*'],
      };
    const reader = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text) ? tokens?.() : undefined;
    return await reader?.(text);
  }

  /** All are compared, whichever fits. */
  #isConfigured(text: string): boolean {
    const actual = Buffer.from(digestOf(text), 'hex');
    return (
      this.#options
        .configured()
        .filter((digest) => timingSafeEqual(actual, Buffer.from(digest, 'hex'))).length > 0
    );
  }

  async #assertPatient(from: string, both: string): Promise<void> {
    for (const [limiter, key, { points }] of [
      [this.#byAddress, from, ofAddress],
      [this.#byKey, both, ofKey],
    ] as const) {
      const state = await limiter.get(key);
      if (state && state.consumedPoints >= points) throw throttled(state);
    }
  }

  async #failed(from: string, both: string): Promise<void> {
    for (const [limiter, key] of [
      [this.#byAddress, from],
      [this.#byKey, both],
    ] as const) {
      await limiter.consume(key).catch((state: unknown) => {
        throw state instanceof Error ? state : throttled(state as RateLimiterRes);
      });
    }
  }
}

function throttled({ msBeforeNext }: RateLimiterRes): ServerError {
  return new ServerError(
    'ERR_SERVER_THROTTLED',
    'too many requests with keys that are not valid came from this address',
    { retryAfter: msBeforeNext / 1000 },
  );
}

/** The keys and tokens that a request carries, each once. */
function credentialsIn({
  'x-api-key': key,
  authorization,
}: IncomingHttpHeaders): readonly string[] {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  const malformed = authorization !== undefined && bearer === undefined ? [authorization] : [];
  return [
    ...new Set([
      ...[key].flat().filter((credential) => credential !== undefined),
      ...(bearer === undefined ? [] : [bearer]),
      ...malformed,
    ]),
  ];
}

function first(tenants: ReadonlyMap<string, Tenant>): Tenant {
  const [tenant] = tenants.values();
  if (!tenant) throw new ServerError('ERR_SERVER_TENANT', 'there is no tenant');
  return tenant;
}
