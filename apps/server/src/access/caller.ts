import type { Tenant } from '../tenants.ts';
import { ServerError } from '../errors.ts';
import { forbidden } from './permitted-names.ts';
import type { Scope } from './scopes.ts';

/** Who asks, and what they may. */
export interface Caller {
  /** The id of an API key, or what an identity provider calls them; what events say of them. */
  readonly id: string;
  readonly tenant: Tenant;
  readonly scopes: ReadonlySet<Scope>;
  /** Names that they may use, beside what their tenant may: see `permits`. */
  readonly names: readonly string[];
  /** RFC 3339 */
  readonly expiresAt?: string | undefined;
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

/** @throws ServerError `ERR_SERVER_NAMES` for names that the key or its tenant may not use */
export function assertNames({ names, tenant }: Caller, wanted: readonly string[]): void {
  const [refused] = [...forbidden(names, wanted), ...forbidden(tenant.names, wanted)];
  if (refused !== undefined)
    throw new ServerError(
      'ERR_SERVER_NAMES',
      `${refused} is not among the names that this key and the tenant ${tenant.name} may use`,
    );
}
