import { defineErrors, type ErrorTable } from '@acmex/errors';

/** The errors of this package. */
export const localCaErrors = {
  ERR_LOCAL_CA_FILE: {
    meaning: 'A file of the local CA cannot be read or written.',
    cure: 'Correct what the message names, or choose another folder.',
    exit: 3,
    http: 500,
  },
  ERR_LOCAL_CA_UNSAFE: {
    meaning: 'Other users can change the local CA, or read its key.',
    cure: 'Remove the folder of the local CA and run `acmex trust` again.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_LOCAL_CA_DAMAGED: {
    meaning: 'A file of the local CA is damaged.',
    cure: 'Remove the folder of the local CA and run `acmex trust` again.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_LOCAL_CA_EXPIRED: {
    meaning: 'The local CA has expired.',
    cure: 'Start a program in development mode, which makes a new one, and run `acmex trust` again.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_LOCAL_CA_NAME: {
    meaning: 'The local CA cannot issue a certificate for a name.',
    cure: 'Use localhost, a name below it, or a loopback, private or link-local address.',
    exit: 2,
    http: 422,
  },
} as const satisfies ErrorTable<'LOCAL_CA'>;

export type LocalCaErrorCode = keyof typeof localCaErrors;

/** A failure of this package. Compare codes, not classes. */
export class LocalCaError extends defineErrors('LocalCa', localCaErrors) {}
