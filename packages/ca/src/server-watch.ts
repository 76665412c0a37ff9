import type { Answer } from './answer.ts';

/** How a request of an ACME client was answered. */
export interface AnswerReport {
  readonly status: number;
  /**
   * Why it was refused: the last word of a problem type of RFC 8555 §6.7, as `rateLimited`; absent
   * for a request that was not refused.
   */
  readonly problem?: string | undefined;
}

/** Whom a signed request comes from. */
export interface SignedRequestOrigin {
  /** The network address of the client. */
  readonly address: string;
  /** The id of the account that signed it; absent where a key speaks for itself. */
  readonly account?: string | undefined;
}

/** Functions that are called with what a server has done, for metrics and traces. */
export interface ServerWatch {
  /**
   * Runs the work on a request whose signature is valid, and returns what it returns. What the CA
   * writes for the request is within that work.
   */
  readonly answering?:
    (<T>(request: SignedRequestOrigin, work: () => Promise<T>) => Promise<T>) | undefined;
  /** Called with each answer to an ACME client. */
  readonly onAnswer?: ((report: AnswerReport) => void) | undefined;
  /** Called with each certificate that was issued and is in the storage. */
  readonly onIssued?:
    ((certificate: { readonly profile?: string | undefined }) => void) | undefined;
}

/** Returns the report of an answer. */
export function reportOf({ status, headers, body }: Answer): AnswerReport {
  const isProblem = headers['content-type'] === 'application/problem+json';
  if (!isProblem || typeof body !== 'string') return { status };
  const { type } = JSON.parse(body) as { readonly type: string };
  return { status, problem: type.slice(type.lastIndexOf(':') + 1) };
}
