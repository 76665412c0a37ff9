import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * Every way in which this package can fail. `exit` is the exit code of a program that ends with it,
 * `http` the status of a service that passes it on.
 */
export const managerErrors = {
  ERR_MANAGER_CHALLENGE: {
    meaning: 'The settings that say how names are validated do not fit together.',
    cure: 'Correct the flag or the key that the message names.',
    exit: 2,
    http: 422,
  },
  ERR_MANAGER_MUST_STAPLE: {
    meaning: 'The certificate requires OCSP stapling, and its CA has no OCSP service.',
    cure: 'Order it without Must-Staple, or from a CA that has OCSP.',
    exit: 2,
    http: 422,
  },
  ERR_MANAGER_ISSUER: {
    meaning: 'The CA or the account cannot be used with these settings.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_MANAGER_TERMS: {
    meaning: 'The CA requires agreement to its terms of service.',
    cure: 'Read them, then agree as the message shows.',
    exit: 2,
    http: 422,
  },
  ERR_MANAGER_EXTERNAL_ACCOUNT: {
    meaning: 'The CA only accepts accounts with an external account binding.',
    cure: 'Get a key identifier and an HMAC key from the CA, and configure them.',
    exit: 2,
    http: 422,
  },
  ERR_MANAGER_RECORDS_NOT_SET: {
    meaning:
      'The DNS records of an order were not set by hand before the CA stopped accepting them.',
    cure: 'Set the records that the order shows at its next attempt: their values are new.',
    exit: 6,
    http: 422,
  },
  ERR_MANAGER_DEPLOY: {
    meaning: 'A certificate has a kind of deploy target that this version does not support.',
    cure: 'Update AcmeX.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
} as const satisfies ErrorTable<'MANAGER'>;

export type ManagerErrorCode = keyof typeof managerErrors;

/**
 * A failure of this package. Compare `code` to tell the kinds apart. The message never contains a
 * credential.
 */
export class ManagerError extends defineErrors('Manager', managerErrors) {}
