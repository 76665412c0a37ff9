import { defineErrors, type ErrorTable } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';

/**
 * The failures of this package, in addition to those of the issuer, the storage and the
 * certificate. `exit` is the exit code of a program that ends with it, `http` the status of a
 * service that returns it.
 */
export const orchestratorErrors = {
  ERR_ORCHESTRATOR_INPUT: {
    meaning: 'The request cannot be managed.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_ORCHESTRATOR_NOT_FOUND: {
    meaning: 'There is no certificate or order with this id.',
    cure: 'Look the id up in the list.',
    exit: 2,
    http: 404,
  },
  ERR_ORCHESTRATOR_ISSUER: {
    meaning: 'The certificate names an issuer that this process does not have.',
    cure: 'Add the issuer to the configuration, or choose a different issuer for the certificate.',
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
    cure: 'Submit it again if you still want it.',
    exit: 1,
    http: 409,
    fixedBy: 'person',
  },
  ERR_ORCHESTRATOR_DUE_AT_ONCE: {
    meaning: 'The certificate that the CA issued would be due for renewal at once.',
    cure: "Check the lifetime of the certificate, the CA's suggested window, and this machine's clock.",
    exit: 5,
    http: 502,
  },
  ERR_ORCHESTRATOR_HELD: {
    meaning: 'The issuer has limited the rate of orders, and nothing is ordered there for a while.',
    cure: 'Wait: the order is tried again at the time in the message. The first refusal names the limit.',
    exit: 7,
    http: 429,
  },
  ERR_ORCHESTRATOR_BUDGET: {
    meaning: 'The limits of the CA allow no order now: it would be refused.',
    cure: 'Wait: the order is made at the time in the message, or at the next of the issuers if there are several. acmex plan shows when all others are made.',
    exit: 7,
    http: 429,
  },
  ERR_ORCHESTRATOR_CA_UNAVAILABLE: {
    meaning: 'The issuer has not worked for some time, and nothing is ordered there for a while.',
    cure: 'Wait: the order is tried again at the time in the message. Read the last failure in it, or give the certificate another issuer with issuers.',
    exit: 4,
    http: 503,
  },
  ERR_ORCHESTRATOR_ACTION_REQUIRED: {
    meaning:
      'The CA wants a person to act for the account, most often to agree to new terms of service. It issues nothing until then.',
    cure: 'Visit the page in the message, then use acmex account accept-terms. Without that, an order finds out each hour whether the CA issues again.',
    exit: 5,
    http: 409,
    fixedBy: 'time',
  },
  ERR_ORCHESTRATOR_COVERS_LESS: {
    meaning:
      'The new certificate lacks names that are wanted and that the one in use has: it is not used.',
    cure: 'Wait: the next try orders all names that are wanted now.',
    exit: 5,
    http: 409,
    fixedBy: 'time',
  },
  ERR_ORCHESTRATOR_KEY_COMPROMISED: {
    meaning: 'The private key was revoked as compromised, and must not be certified again.',
    cure: 'Wait: the next try creates a new key; for a key in a device, name a new key.',
    exit: 5,
    http: 409,
    fixedBy: 'time',
  },
  ERR_ORCHESTRATOR_NO_KEY: {
    meaning: 'The private key of an order is no longer in the storage.',
    cure: 'Cancel the order and submit it again.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
} as const satisfies ErrorTable<'ORCHESTRATOR'>;

export type OrchestratorErrorCode = keyof typeof orchestratorErrors;

/** A failure of this package. Compare its `code`. */
export class OrchestratorError extends defineErrors('Orchestrator', orchestratorErrors) {
  /** When another try can succeed, if that is known. */
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
