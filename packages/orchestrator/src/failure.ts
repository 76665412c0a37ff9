import type { Temporal } from 'temporal-polyfill';

/** What a failure means for the next try. */
export interface ReadFailure {
  /** Stable; `ERR_UNKNOWN` for what has none. */
  readonly code: string;
  readonly message: string;
  /** The CA's own word on when to come again. */
  readonly retryAfter?: Temporal.Instant | undefined;
  /** Whether the same again will fail the same until a person has changed something. */
  readonly hopeless: boolean;
}

/** What a person has to change: the request, the account, the configuration. All others may pass by themselves. */
const hopeless: ReadonlySet<string> = new Set([
  'ERR_ACME_REJECTED_IDENTIFIER', 'ERR_ACME_UNSUPPORTED_IDENTIFIER', 'ERR_ACME_BAD_CSR', 'ERR_ACME_INVALID_PROFILE', 'ERR_ACME_USER_ACTION_REQUIRED', 'ERR_ACME_EXTERNAL_ACCOUNT_REQUIRED',
  'ERR_ACME_ACCOUNT_DOES_NOT_EXIST', 'ERR_ACME_BAD_PUBLIC_KEY', 'ERR_ACME_CAA', 'ERR_CLIENT_NO_SOLVER', 'ERR_ORCHESTRATOR_ISSUER', 'ERR_ORCHESTRATOR_DUE_AT_ONCE', 'ERR_ORCHESTRATOR_NO_KEY',
]);

/** The problem's code decides. */
export function failureOf(error: unknown): ReadFailure {
  const { code, retryAfter } = (typeof error === 'object' && error !== null ? error : {}) as { readonly code?: unknown; readonly retryAfter?: Temporal.Instant };
  const own = typeof code === 'string' ? code : 'ERR_UNKNOWN';
  return { code: own, message: (error instanceof Error ? error.message : String(error)).slice(0, 4000), retryAfter, hopeless: hopeless.has(own) };
}
