import { defaultTenant, type Tenant } from '../tenants.ts';
import { ServerError } from '../errors.ts';
import { forbidden } from './permitted-names.ts';
import type { Scope } from './scopes.ts';
import type { VerifiedSession } from './session-store.ts';

/** Who asks, and what they may. */
export interface Caller {
  /** The id of an API key, or what an identity provider calls them; what events say of them. */
  readonly id: string;
  /** What people call the key. */
  readonly title?: string | undefined;
  readonly tenant: Tenant;
  readonly scopes: ReadonlySet<Scope>;
  /** Names that they may use, beside what their tenant may: see `permits`. */
  readonly names: readonly string[];
  /** Deploy targets that they may name, of those of their tenant; all of these where it is absent. */
  readonly deployTargets?: readonly string[] | undefined;
  /** Of the secret of their API key; absent for what is not, or only in part, as good as a key. */
  readonly keyDigest?: string | undefined;
  /**
   * RFC 3339; of the key or token, not of a session of a key. A person who signed in at a provider has
   * the end of their session.
   */
  readonly expiresAt?: string | undefined;
  /** The session of a browser that was begun with the key; absent where the key itself was sent. */
  readonly session?: VerifiedSession | undefined;
}

/** A request that was let in. */
export interface Admission {
  readonly caller: Caller;
  /**
   * Set where the sender's own protocol identifies repetitions; it replaces the `Idempotency-Key`
   * header.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Whether somebody may see what is for these names. */
export function maySee({ names }: Caller, wanted: readonly string[]): boolean {
  return forbidden(names, wanted).length === 0;
}

/** Whether a caller may see what concerns every tenant: of the default tenant, for all names. */
export function isOperator({ tenant, names }: Pick<Caller, 'tenant' | 'names'>): boolean {
  return tenant.name === defaultTenant && names.includes('*');
}

/** The rights of a key that someone makes or changes. */
export interface KeyRights {
  readonly scopes: Iterable<Scope>;
  readonly names: readonly string[];
  readonly deployTargets?: readonly string[] | undefined;
  readonly expiresAt?: string | undefined;
}

/**
 * Throws where a key would have, or has, rights that a caller does not have.
 * @param action what the caller wants to do with it, for the message
 * @throws ServerError `ERR_SERVER_WIDER_KEY`
 */
export function assertNotWider(
  caller: Caller,
  { scopes, names, deployTargets, expiresAt }: KeyRights,
  action = 'make or change a key',
): void {
  const scope = [...scopes].find((candidate) => !caller.scopes.has(candidate));
  const [name] = forbidden(caller.names, names);
  const later =
    caller.expiresAt !== undefined &&
    (expiresAt === undefined || Date.parse(expiresAt) > Date.parse(caller.expiresAt));
  const [excess] = [
    scope && `the scope ${scope}`,
    name && `the name ${name}`,
    targetBeyond(caller, deployTargets),
  ].filter((right) => right !== undefined);
  if (excess !== undefined || later)
    throw new ServerError(
      'ERR_SERVER_WIDER_KEY',
      `${caller.id} cannot ${action} with ${excess ?? `an end after ${caller.expiresAt}`}, which it does not have itself`,
    );
}

/** Says which deploy target a key may name and a caller may not; undefined where there is none. */
function targetBeyond(
  { deployTargets: permitted }: Caller,
  targets: readonly string[] | undefined,
): string | undefined {
  if (!permitted) return undefined;
  // Also those that its tenant may name later.
  if (!targets) return 'all deploy targets of its tenant';
  const target = targets.find((candidate) => !permitted.includes(candidate));
  return target && `the deploy target ${target}`;
}

/**
 * Throws where a key or session that a caller would end has rights that the caller does not have. Its
 * own end does not matter: no one gets more rights when it ends sooner.
 * @param action what the caller wants to do, for the message
 * @throws ServerError `ERR_SERVER_WIDER_KEY`
 */
export function assertMayEnd(
  caller: Caller,
  { scopes, names, deployTargets }: Omit<KeyRights, 'expiresAt'>,
  action?: string,
): void {
  const { expiresAt } = caller;
  assertNotWider(caller, { scopes, names, deployTargets, expiresAt }, action);
}

/** @throws ServerError `ERR_SERVER_NAMES` for names that the key or its tenant may not use */
export function assertNames({ names, tenant }: Caller, wanted: readonly string[]): void {
  const [refused] = [...forbidden(names, wanted), ...forbidden(tenant.names, wanted)];
  if (refused !== undefined)
    throw new ServerError(
      'ERR_SERVER_NAMES',
      `${refused} is not among the names that this key and the tenant ${tenant.name} may use`,
    );
}

/**
 * Makes sure that a caller may name deploy targets. A target that does not exist is one that no one
 * may name: the error is the same.
 * @throws ServerError `ERR_SERVER_NAMES`
 */
export function assertDeployTargets(
  { tenant, deployTargets = tenant.deployTargets }: Caller,
  wanted: readonly string[],
  pointer = '/deployTo',
): void {
  const permitted = tenant.deployTargets.filter((name) => deployTargets.includes(name));
  const refused = wanted.findIndex((name) => !permitted.includes(name));
  if (refused < 0) return;
  const detail = `${wanted[refused]} is not among the deploy targets that this key and the tenant ${tenant.name} may name: ${permitted.join(', ') || 'none'}`;
  throw new ServerError('ERR_SERVER_NAMES', detail, {
    errors: [{ pointer: `${pointer}/${refused}`, detail }],
  });
}
