import { timingSafeEqual } from 'node:crypto';
import { ServerError } from '../errors.ts';
import type { Tenant } from '../tenants.ts';
import { configuredKeyId, digestOf, readKeyText } from './api-key.ts';
import { type CalendarTokenStore, readCalendarToken } from './calendar-token-store.ts';
import type { Caller } from './caller.ts';
import type { Credentials } from './credentials.ts';
import { FailureThrottle } from './failure-throttle.ts';
import type { ApiKey, KeyStore } from './key-store.ts';
import type { TokenReader } from './oidc.ts';
import { scopes } from './scopes.ts';
import { readCookie, type Session, type SessionStore, type TokenRights } from './session-store.ts';

export interface AuthenticatorOptions {
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly keysOf: (tenant: Tenant) => KeyStore;
  readonly sessionsOf: (tenant: Tenant) => SessionStore;
  readonly calendarTokensOf: (tenant: Tenant) => CalendarTokenStore;
  /** Digests of keys of the configuration, which may do everything in the first tenant. */
  readonly configured: () => readonly string[];
  readonly tokens?: (() => TokenReader | undefined) | undefined;
  /** Returns the digest of the configuration by which people sign in at a provider, if they can. */
  readonly signInDigest?: (() => string | undefined) | undefined;
  /** Called when the key of the initial file was used. */
  readonly onFirstUse?: (() => Promise<void>) | undefined;
}

/** What has the rights of a key, or of a person who signed in at a provider. */
export type HeldCredential = Pick<Session, 'key' | 'keyDigest'> &
  Partial<Pick<Session, 'rights' | 'expiresAt'>>;

/** What a calendar token opens, where its key may do it. */
const calendarScope = 'certificates:read';

/** Authenticates callers by API keys, tokens and sessions. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #failures = new FailureThrottle('requests with keys that are not valid');

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /**
   * Authenticates a request. A valid credential is always admitted; failures are throttled. A session
   * is used by it.
   * @returns undefined where the request has no credential
   * @throws ServerError `ERR_SERVER_UNAUTHENTICATED`, `ERR_SERVER_THROTTLED`
   */
  async authenticate(credentials: Credentials, address: string): Promise<Caller | undefined> {
    const [text] = textsIn(credentials);
    if (text === undefined) return undefined;
    const caller = await this.verify(credentials);
    if (caller?.session) await this.#options.sessionsOf(caller.tenant).use(caller.session);
    if (caller) return caller;
    const isSession = credentials.cookies.length > 0;
    const id = isSession ? readCookie(text)?.id : readKeyText(text)?.id;
    const subject = id ?? readCalendarToken(text)?.place ?? digestOf(text).slice(0, 16);
    await this.#failures.count(address, subject);
    throw new ServerError('ERR_SERVER_UNAUTHENTICATED', refusal(isSession, id));
  }

  /**
   * Returns who a credential belongs to; undefined where it is not valid. Counts no failure, and is
   * no use of a session.
   */
  async verify(credentials: Credentials): Promise<Caller | undefined> {
    const [text, ...contradictions] = textsIn(credentials);
    if (text === undefined || contradictions.length > 0) return undefined;
    if (credentials.calendarToken !== undefined) return await this.#calendarCaller(text);
    return credentials.cookies.length > 0
      ? await this.#sessionCaller(text)
      : await this.#callerOf(text);
  }

  /**
   * Returns whose key a session or token has the rights of, or who signed in at a provider; undefined
   * where the key has ended, or the provider is not the configured one.
   */
  async holderOf(
    tenant: Tenant,
    { key: id, keyDigest, rights, expiresAt }: HeldCredential,
  ): Promise<Caller | undefined> {
    if (rights)
      return this.#options.signInDigest?.() === keyDigest
        ? personCaller(id, tenant, rights, expiresAt)
        : undefined;
    if (id === configuredKeyId) {
      const [firstTenant] = this.#options.tenants().values();
      const isConfigured = this.#isConfigured(keyDigest) && tenant.name === firstTenant?.name;
      return isConfigured ? configuredCaller(tenant, keyDigest) : undefined;
    }
    const key = await this.#options.keysOf(tenant).withSecret(id, keyDigest);
    return key && keyCaller(key, tenant, keyDigest);
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
      return keyCaller(key, tenant, digestOf(read.secret));
    }
    const digest = digestOf(text);
    if (this.#isConfigured(digest)) return configuredCaller(firstTenant, digest);
    const reader = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text) ? tokens?.() : undefined;
    return await reader?.(text);
  }

  async #sessionCaller(text: string): Promise<Caller | undefined> {
    const { tenants, sessionsOf } = this.#options;
    const read = readCookie(text);
    const [firstTenant] = tenants().values();
    if (!read || !firstTenant) return undefined;
    const tenant = tenants().get(read.tenant);
    const session = await sessionsOf(tenant ?? firstTenant).verified(read.id, read.secret);
    if (!tenant || !session) return undefined;
    const caller = await this.holderOf(tenant, session);
    return caller && { ...caller, session };
  }

  /** Returns who a calendar token is of, with no more rights than it needs. */
  async #calendarCaller(text: string): Promise<Caller | undefined> {
    const { tenants, calendarTokensOf } = this.#options;
    const read = readCalendarToken(text);
    const [firstTenant] = tenants().values();
    if (!read || !firstTenant) return undefined;
    const tenant = tenants().get(read.tenant);
    const token = await calendarTokensOf(tenant ?? firstTenant).verified(read.place, read.secret);
    if (!tenant || !token) return undefined;
    const caller = await this.holderOf(tenant, token);
    const isReader = caller?.scopes.has(calendarScope) === true;
    return (
      caller && {
        ...caller,
        scopes: new Set(isReader ? [calendarScope] : []),
        keyDigest: undefined,
      }
    );
  }

  /** All are compared, whichever fits. */
  #isConfigured(digest: string): boolean {
    const actual = Buffer.from(digest, 'hex');
    return (
      this.#options
        .configured()
        .filter((candidate) => timingSafeEqual(actual, Buffer.from(candidate, 'hex'))).length > 0
    );
  }
}

function keyCaller(
  { id, title, scopes: granted, names, deployTargets, expiresAt }: ApiKey,
  tenant: Tenant,
  keyDigest: string,
): Caller {
  return {
    ...{ id, title, tenant, scopes: new Set(granted), names },
    ...{ deployTargets, expiresAt, keyDigest },
  };
}

/** What a person does outlasts their session as little as a token: keys that they make end with it. */
function personCaller(
  id: string,
  tenant: Tenant,
  { scopes: granted, names, title }: TokenRights,
  expiresAt: string | undefined,
): Caller {
  const known = new Set(scopes.filter((scope) => granted.includes(scope)));
  return { id, title, tenant, scopes: known, names, expiresAt };
}

function configuredCaller(tenant: Tenant, keyDigest: string): Caller {
  return { id: configuredKeyId, tenant, scopes: new Set(scopes), names: ['*'], keyDigest };
}

function refusal(isSession: boolean, id: string | undefined): string {
  const ended = 'is not valid here: it is unknown, has ended, or was revoked';
  if (isSession) return `the session ${id ?? 'of this request'} ${ended}; sign in again`;
  return `${id === undefined ? 'the key or token of this request' : `the API key ${id}`} ${ended}`;
}

/** The keys, tokens and sessions that a request has, each once. */
function textsIn({
  'x-api-key': key,
  authorization,
  cookies,
  calendarToken,
}: Credentials): readonly string[] {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  const malformed = authorization !== undefined && bearer === undefined ? [authorization] : [];
  return [
    ...new Set([
      ...[key].flat().filter((credential) => credential !== undefined),
      ...(bearer === undefined ? [] : [bearer]),
      ...malformed,
      ...cookies,
      ...(calendarToken === undefined ? [] : [calendarToken]),
    ]),
  ];
}
