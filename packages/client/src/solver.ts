import type { Identifier } from '@acmex/identifier';
import type { JsonObject } from '@acmex/protocol';

export interface SolverOptions {
  /** Ends the call at once, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A name of a certificate that is about to be ordered. */
export interface NameToProve {
  /** Without `*.`. */
  readonly identifier: Identifier;
  readonly wildcard: boolean;
}

/** What a CA asks, with all that an answer is made of. */
export interface ChallengeToSolve {
  readonly type: string;
  /** The name to prove, without `*.`. */
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  /** base64url, checked; empty for a solver that needs none. */
  readonly token: string;
  /**
   * `token.thumbprint` of the account's key; empty for a solver that needs no token. RFC 8555 §8.1
   */
  readonly keyAuthorization: string;
  /** Who asks: the account's URL, and the thumbprint of its key. RFC 7638 */
  readonly account: { readonly url: string; readonly thumbprint: string };
  /** The challenge as the CA sent it, unchecked: for types that have members of their own. */
  readonly members: JsonObject;
  /** The `meta` of the CA's directory as it sent it, unchecked. RFC 8555 §7.1.1 */
  readonly meta: JsonObject;
}

/**
 * Answers one type of challenge. A response is plain data, known and saved before it is shown, so
 * that any process can take down what another has shown; every effect can be repeated. Safe for any
 * number of challenges at once.
 */
export interface ChallengeSolver<R extends JsonObject = JsonObject> {
  readonly type: string;
  /**
   * Whether challenges of this type have no token: one without is else taken for a fault of the CA.
   */
  readonly tokenless?: true;
  /** Whether this solver can show something for the name at all. */
  supports(identifier: Identifier, wildcard: boolean): boolean;
  /**
   * Makes sure, before an order, that responses for these names can be shown from here. Leaves
   * nothing behind. Absent where nothing can be known before the challenge.
   */
  check?(names: readonly NameToProve[], options?: SolverOptions): Promise<void>;
  /**
   * Whether a person shows and removes this response: `present` and `remove` then do nothing, and
   * `visible` looks once. By default none is.
   */
  isAttended?(response: R): boolean;
  /** Where and what will be shown. No effect outside. */
  respond(challenge: ChallengeToSolve, options?: SolverOptions): Promise<R>;
  /** Shows it. Already there = success. */
  present(response: R, options?: SolverOptions): Promise<void>;
  /** Waits until the CA can see it. */
  visible(response: R, options?: SolverOptions): Promise<void>;
  /**
   * Takes it down, also when another process has shown it. Absent = success. Cannot be cancelled;
   * has a time limit of its own.
   */
  remove(response: R): Promise<void>;
}
