import { defineErrors, type ErrorTable } from '@acmex/errors';

/** The errors of this package. */
export const trustStoresErrors = {
  ERR_TRUST_STORES_ROOT: {
    meaning: 'The certificate is not the root of a CA, so no store may trust it.',
    cure: 'Use the PEM file of the self-signed certificate of a CA.',
    exit: 2,
    http: 422,
  },
  ERR_TRUST_STORES_RIGHTS: {
    meaning: 'Only root can change the store.',
    cure: 'Run the commands in the message.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_TRUST_STORES_PROGRAM: {
    meaning: 'The store cannot be read or changed: a program for it has failed, or a file of it.',
    cure: 'Correct what the message says.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_TRUST_STORES_UNCHANGED: {
    meaning:
      'The programs have ended without an error, but the store has not changed as it should.',
    cure: 'Change the store by hand, with the tools of the system.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
} as const satisfies ErrorTable<'TRUST_STORES'>;

export type TrustStoresErrorCode = keyof typeof trustStoresErrors;

/** A failure of this package. Compare codes, not classes. */
export class TrustStoresError extends defineErrors('TrustStores', trustStoresErrors) {}
