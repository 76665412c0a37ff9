import type { IncomingHttpHeaders } from 'node:http';
import { timingSafeEqual } from 'node:crypto';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';
import { digestOf, readKeyText } from './api-key.ts';
import type { Caller } from './caller.ts';
import { FailureThrottle } from './failure-throttle.ts';
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

/** Authenticates callers by API keys and tokens. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #failures = new FailureThrottle('requests with keys that are not valid');

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /**
   * Authenticates a request. A valid credential is always admitted; failures are throttled.
   * @returns undefined where the request has no credential
   * @throws ServerError `ERR_SERVER_UNAUTHENTICATED`, `ERR_SERVER_THROTTLED`
   */
  async authenticate(headers: IncomingHttpHeaders, address: string): Promise<Caller | undefined> {
    const credentials = credentialsIn(headers);
    if (credentials.length === 0) return undefined;
    const caller = await this.verify(headers);
    if (caller) return caller;
    const [text = ''] = credentials;
    const id = readKeyText(text)?.id;
    await this.#failures.count(address, id ?? digestOf(text).slice(0, 16));
    throw new ServerError(
      'ERR_SERVER_UNAUTHENTICATED',
      `${id === undefined ? 'the key or token of this request' : `the API key ${id}`} is not valid here: it is unknown, has ended, or was revoked`,
    );
  }

  /** Returns who a credential belongs to; undefined where it is not valid. Counts no failure. */
  async verify(headers: IncomingHttpHeaders): Promise<Caller | undefined> {
    const [text, ...contradictions] = credentialsIn(headers);
    return text === undefined || contradictions.length > 0 ? undefined : await this.#callerOf(text);
  }

  async #callerOf(text: string): Promise<Caller | undefined> {
    const { tenants, keysOf, tokens, onFirstUse } = this.#options;
    const read = readKeyText(text);
    const [firstTenant] = tenants().values();
    if (!firstTenant) return undefined;
    if (read) {
      const tenant = tenants().get(read.tenant);
      // A tenant that is not there costs what another costs.
      const key = await keysOf(tenant ?? firstTenant).verified(read.id, read.secret);
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
        tenant: firstTenant,
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
