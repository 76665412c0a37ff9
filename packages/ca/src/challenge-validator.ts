import type { Identifier } from '@acmex/identifier';
import type { ChallengeType } from '@acmex/protocol';
import type { Temporal } from 'temporal-polyfill';

interface NameToProve {
  /** Without `*.`. */
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  /** For CAA's `accounturi`. RFC 8657 */
  readonly accountUrl: string;
}

/** A proof that is shown for this one challenge. */
export interface ShownValidation extends NameToProve {
  readonly type: ChallengeType | 'dns-account-01';
  readonly token: string;
  /** `token.thumbprint`: what a correct answer shows. RFC 8555 §8.1 */
  readonly keyAuthorization: string;
}

/** A record that is there whatever is asked. */
export interface PersistentValidation extends NameToProve {
  readonly type: 'dns-persist-01';
  /** Any of the names of this CA. */
  readonly issuers: readonly string[];
  /** Any of the names of the account. */
  readonly accountUris: readonly string[];
  /** Whether the record has to be for wildcards and the names below, too. */
  readonly needsPolicy: boolean;
}

/** What is to be proven, and how. */
export type ValidationRequest = ShownValidation | PersistentValidation;

/** Why a name is not proven. */
export interface ValidationProblem {
  readonly valid?: false;
  /**
   * `connection`, `dns`, `incorrectResponse`, `tls`, `caa`, `unauthorized` …: with or without its
   * URN.
   */
  readonly type: string;
  /** Shown to the client: nothing that the name's server said, and nothing internal. */
  readonly detail: string;
  /** For the operator alone, where the fault is this server's. */
  readonly cause?: unknown;
}

/** A proof may have an end of its own, after which it is not relied on. */
export type ValidationVerdict =
  { readonly valid: true; readonly until?: Temporal.Instant | undefined } | ValidationProblem;

/** The name of which CAA records are checked, and for what. */
export interface CaaRequest extends NameToProve {
  /** For CAA's `validationmethods`. RFC 8657 */
  readonly type: ValidationRequest['type'];
}

/**
 * Checks, as the CA, whether an account controls a name, and whether CAA permits the CA to issue.
 * Called again a few times if the answer is no.
 */
export interface ChallengeValidator {
  (
    request: ValidationRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<ValidationVerdict>;
  /**
   * Checks CAA alone: called before issuance if the validation was more than eight hours ago.
   * Absent: CAA is not checked again.
   */
  readonly checkCaa?: (
    request: CaaRequest,
    options: { readonly signal: AbortSignal },
  ) => Promise<ValidationVerdict>;
}
