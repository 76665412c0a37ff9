import type { Identifier } from '@acmex/protocol';

export const challengeTypes = ['http-01', 'dns-01', 'tls-alpn-01'] as const;
export type ChallengeType = (typeof challengeTypes)[number];

/** What is to be proven, and how. */
export interface ValidationRequest {
  readonly type: ChallengeType;
  /** Without `*.`. */
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  readonly token: string;
  /** `token.thumbprint`: what a correct answer shows. RFC 8555 §8.1 */
  readonly keyAuthorization: string;
  /** For CAA's `accounturi`. RFC 8657 */
  readonly accountUrl: string;
}

/** Why a name is not proven. */
export interface ValidationProblem {
  readonly valid?: false;
  /** `connection`, `dns`, `incorrectResponse`, `tls`, `caa`, `unauthorized` …: with or without its URN. */
  readonly type: string;
  /** Shown to the client: nothing that the name's server said, and nothing internal. */
  readonly detail: string;
  /** For the operator alone, where the fault is this server's. */
  readonly cause?: unknown;
}

export type ValidationVerdict = { readonly valid: true } | ValidationProblem;

/** Looks, as the CA, whether an account controls a name. It is asked again a few times where it says no. */
export type ChallengeValidator = (request: ValidationRequest, options: { readonly signal: AbortSignal }) => Promise<ValidationVerdict>;
