import { defineErrors, type ErrorTable } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';

/**
 * Why a managed certificate is not as it should be, beside what the issuer, the storage and the certificate itself say.
 * `exit` is the exit code of a program that ends with it, `http` the status of a service that passes it on.
 */
export const orchestratorErrors = {
  ERR_ORCHESTRATOR_INPUT: {
    meaning: 'What was asked for cannot be managed.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_ORCHESTRATOR_NOT_FOUND: {
    meaning: 'There is no certificate or order of this id.',
    cure: 'Look the id up in the list.',
    exit: 2,
    http: 404,
  },
  ERR_ORCHESTRATOR_ISSUER: {
    meaning: 'The certificate names an issuer that this process does not have.',
    cure: 'Add the issuer to the configuration, or give the certificate another.',
    exit: 2,
    http: 422,
  },
  ERR_ORCHESTRATOR_PAUSED: {
    meaning: 'The certificate is paused: nothing is done for it.',
    cure: 'Resume it first.',
    exit: 2,
    http: 409,
  },
  ERR_ORCHESTRATOR_CANCELLED: {
    meaning: 'The order was cancelled.',
    cure: 'Submit it again if it is wanted after all.',
    exit: 1,
    http: 409,
  },
  ERR_ORCHESTRATOR_DUE_AT_ONCE: {
    meaning: 'What the CA issued, or what it says of it, would be due for renewal again at once.',
    cure: "Look at the lifetime that the CA gives, at its suggested window, and at this machine's clock.",
    exit: 5,
    http: 502,
  },
  ERR_ORCHESTRATOR_HELD: {
    meaning: 'The issuer has said that it is asked too often, and is left alone for a while.',
    cure: 'Nothing: it is ordered at the time in the message. See which limit the first refusal named.',
    exit: 7,
    http: 429,
  },
  ERR_ORCHESTRATOR_NO_KEY: {
    meaning: 'The private key of an order is not in the storage anymore.',
    cure: 'Cancel the order and submit it again.',
    exit: 3,
    http: 500,
  },
} as const satisfies ErrorTable<'ORCHESTRATOR'>;

export type OrchestratorErrorCode = keyof typeof orchestratorErrors;

/** A failure of this package. Tell kinds apart by `code`. */
export class OrchestratorError extends defineErrors('Orchestrator', orchestratorErrors) {
  /** When it is worth another try, where that is known. */
  readonly retryAfter: Temporal.Instant | undefined;

  constructor(
    code: OrchestratorErrorCode,
    message: string,
    {
      retryAfter,
      ...options
    }: ErrorOptions & { readonly retryAfter?: Temporal.Instant | undefined } = {},
  ) {
    super(code, message, options);
    this.retryAfter = retryAfter;
  }
}
