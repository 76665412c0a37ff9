import type { ErrorTable } from '@acmex/errors';
import type { components } from './rest-api.ts';

/** The error codes of this package. A refusal has the code of the server instead. */
export const apiErrors = {
  ERR_API_OPTION: {
    meaning: 'An option of the client cannot be used.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_API_UNREACHABLE: {
    meaning: 'The server cannot be reached, or does not answer in time.',
    cure: 'Check that the server runs and that its URL is right, and try again.',
    exit: 4,
    http: 502,
  },
  ERR_API_ANSWER: {
    meaning: 'The answer is not one of an AcmeX server.',
    cure: 'Check that the URL is that of an AcmeX server, and what a proxy in front of it answers.',
    exit: 4,
    http: 502,
  },
} as const satisfies ErrorTable<'API'>;

export type ApiErrorCode = keyof typeof apiErrors;

/** A problem document of the server. RFC 9457 */
export type Problem = components['schemas']['Problem'];

export interface ApiErrorOptions extends ErrorOptions {
  readonly status?: number | undefined;
  readonly problem?: Problem | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly body?: unknown;
}

/** A call that failed. Compare codes, not classes. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** A code of the server, such as `ERR_SERVER_NOT_FOUND`, or an `ApiErrorCode`. */
  readonly code: string;
  /** The HTTP status; absent if there was no answer. */
  readonly status: number | undefined;
  /** What the server says of its refusal; absent if it did not refuse. */
  readonly problem: Problem | undefined;
  /** How long the server wants to be left alone (`Retry-After`, RFC 9110 §10.2.3). */
  readonly retryAfterSeconds: number | undefined;
  /** The body of an answer that is not a problem document: JSON if it is JSON, or text. */
  readonly body: unknown;

  constructor(
    code: string,
    message: string,
    { status, problem, retryAfterSeconds, body, ...options }: ApiErrorOptions = {},
  ) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
    this.body = body;
  }

  /** What to do about it. */
  get cure(): string | undefined {
    if (this.problem) return this.problem.cure;
    return Object.hasOwn(apiErrors, this.code)
      ? apiErrors[this.code as ApiErrorCode].cure
      : undefined;
  }
}
