import { defineErrors, type ErrorTable, type FixedBy } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { type Problem, problemFixedBy } from '@acmex/protocol';

/**
 * Why an issuance ended without a certificate, beside what the CA itself refuses (`acmeErrors` of
 * @acmex/protocol). `exit` is the exit code of a program that ends with it, `http` the status of a
 * service that passes it on.
 */
export const clientErrors = {
  ERR_CLIENT_VALIDATION_FAILED: {
    meaning: 'The CA could not validate one or more of the names.',
    cure: 'Follow the hint given for each name, then try again.',
    exit: 6,
    http: 422,
  },
  ERR_CLIENT_RESPONSE_WANTED: {
    meaning: 'A person must publish challenge responses, and one of them is not visible yet.',
    cure: 'Publish what the saved state has, then continue the issuance from that state.',
    exit: 6,
    http: 409,
  },
  ERR_CLIENT_NO_SOLVER: {
    meaning:
      'No solver can answer a challenge that the CA offers for a name, or remove a response of an earlier attempt.',
    cure: 'Add a solver of one of the types that the message names; wildcards need dns-01. Remove what is left behind by hand.',
    exit: 6,
    http: 422,
    fixedBy: 'person',
  },
  ERR_CLIENT_STATE: {
    meaning: 'The saved state of an issuance was written by a newer version, or is not one.',
    cure: 'Use the version that wrote it, or start again.',
    exit: 1,
    http: 500,
    fixedBy: 'person',
  },
} as const satisfies ErrorTable<'CLIENT'>;

export type ClientErrorCode = keyof typeof clientErrors;

/** One name that was not validated. */
export interface ValidationFailure {
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  /** The type of challenge that was tried. */
  readonly challenge: string;
  /** The CA's own words. */
  readonly problem: Problem;
  /** What to do about it. */
  readonly hint: string;
}

/** An issuance that ended without a certificate. Tell kinds apart by `code`. */
export class ClientError extends defineErrors('Client', clientErrors) {
  /** With `ERR_CLIENT_VALIDATION_FAILED`: each name that failed. */
  readonly failures: readonly ValidationFailure[];

  constructor(
    code: ClientErrorCode,
    message: string,
    {
      failures = [],
      ...options
    }: { readonly failures?: readonly ValidationFailure[]; readonly cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.failures = failures;
  }

  /** For names that were not validated: a person, if that is so for one of them. */
  override get fixedBy(): FixedBy {
    const isForPerson = this.failures.some(({ problem }) => problemFixedBy(problem) === 'person');
    return isForPerson ? 'person' : super.fixedBy;
  }
}
