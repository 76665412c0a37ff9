import { errorCode, errorText } from '@acmex/errors';
import { type CheckErrorCode, checkErrors, type Severity } from './errors.ts';

/** What is wrong, or may be wrong. */
export interface Finding {
  /** `ERR_CHECK_…`, or the code of the package whose check failed. */
  readonly code: string;
  readonly severity: Severity;
  /** The name, certificate, CA or file that it is about. */
  readonly subject: string;
  /** What was seen. Text of servers in it is escaped. */
  readonly saw: string;
  readonly cure: string;
}

/** What a check has seen. */
export type Observation =
  | { readonly findings: readonly Finding[]; readonly saw?: string | undefined }
  /** Why nothing could be checked. */
  | { readonly skipped: string };

/** Returns a finding of a code of this package. */
export function finding(
  code: CheckErrorCode,
  { subject, saw, ...changed }: Pick<Finding, 'subject' | 'saw'> & Partial<Pick<Finding, 'cure'>>,
): Finding {
  const { severity, cure } = checkErrors[code];
  return { code, severity, subject, saw, cure: changed.cure ?? cure };
}

/**
 * Returns what an error with a code of AcmeX says, as a finding.
 * @throws the error itself where it has no such code: it is a fault of the program
 */
export function findingOf(error: unknown, subject: string): Finding {
  const code = errorCode(error);
  if (code === undefined || !/^ERR_[A-Z]+_/.test(code) || !(error instanceof Error)) throw error;
  const { cure } = error as { readonly cure?: unknown };
  return {
    code,
    severity: 'error',
    subject,
    saw: errorText(error),
    cure: typeof cure === 'string' ? cure : 'Correct what the message names.',
  };
}
