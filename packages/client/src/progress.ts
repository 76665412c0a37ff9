import type { Identifier } from '@acmex/identifier';
import type { SavedResponse } from './state.ts';

interface OfName {
  readonly identifier: Identifier;
  readonly wildcard: boolean;
}

interface OfChallenge extends OfName {
  readonly challenge: string;
}

/** What has just happened in an issuance; each was seen, none is a promise. */
export type IssuanceProgress =
  | { readonly type: 'ordered' | 'resumed'; readonly order: string; readonly names: number }
  /**
   * A process ended while it created an order, and the CA does not say which: the order can remain
   * until it expires, and is not resumed.
   */
  | { readonly type: 'order-orphaned' }
  | ({ readonly type: 'already-valid' } & OfName)
  | ({ readonly type: 'presented' | 'visible' | 'answered' | 'removed' } & OfChallenge)
  | ({ readonly type: 'left-on-display'; readonly error: unknown } & OfChallenge)
  /** A response of an earlier process, which nothing can remove any more. */
  | {
      readonly type: 'left-on-display';
      readonly error: unknown;
      readonly response: SavedResponse;
    }
  | { readonly type: 'validated' | 'finalized' | 'issued'; readonly order: string };

/** A name as people write it: with `*.` where it is a wildcard. */
export function nameOf({ identifier, wildcard }: OfName): string {
  return wildcard ? `*.${identifier.value}` : identifier.value;
}
