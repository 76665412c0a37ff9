import type { Identifier, JsonObject } from '@acmex/protocol';

export interface SolverOptions {
  /** Ends the call at once, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a CA asks, with all that an answer is made of. */
export interface ChallengeToSolve {
  readonly type: string;
  /** The name to prove, without `*.`. */
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  /** base64url, checked. */
  readonly token: string;
  /** `token.thumbprint` of the account's key. RFC 8555 §8.1 */
  readonly keyAuthorization: string;
}

/**
 * Answers one type of challenge. A response is plain data, known and saved before it is shown, so that any process
 * can take down what another has shown; every effect can be repeated. Safe for any number of challenges at once.
 */
export interface ChallengeSolver<R extends JsonObject = JsonObject> {
  readonly type: string;
  /** Whether this solver can show something for the name at all. */
  supports(identifier: Identifier, wildcard: boolean): boolean;
  /** Where and what will be shown. No effect outside. */
  respond(challenge: ChallengeToSolve, options?: SolverOptions): Promise<R>;
  /** Shows it. Already there = success. */
  present(response: R, options?: SolverOptions): Promise<void>;
  /** Waits until the CA can see it. */
  visible(response: R, options?: SolverOptions): Promise<void>;
  /** Takes it down, also when another process has shown it. Absent = success. Cannot be cancelled; has a time limit of its own. */
  remove(response: R): Promise<void>;
}
