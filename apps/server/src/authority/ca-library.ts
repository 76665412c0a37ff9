import type * as Ca from '@acmex/ca';
import type { Change } from '@acmex/storage';

/**
 * The library of the own CA. It is loaded when it is first used: most servers have no CA, and it
 * would take a part of every start.
 */
export class CaLibrary {
  #loaded: typeof Ca | undefined;

  async load(): Promise<typeof Ca> {
    this.#loaded ??= await import('@acmex/ca');
    return this.#loaded;
  }

  /**
   * Returns what a write does to the CA, for the audit log. Nothing writes to the CA before the
   * library is loaded.
   */
  actionsIn(changes: readonly Change[]): readonly Ca.AuditedAction[] {
    return this.#loaded?.auditedActions(changes) ?? [];
  }
}
