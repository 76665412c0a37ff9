import type { Identifier } from '@acmex/identifier';

/**
 * The types of RFC 8555 §6.7, RFC 9773 §7.4 and of the profiles extension that this server uses.
 */
export type ProblemType =
  | 'accountDoesNotExist'
  | 'alreadyReplaced'
  | 'alreadyRevoked'
  | 'badCSR'
  | 'badNonce'
  | 'badPublicKey'
  | 'badRevocationReason'
  | 'badSignatureAlgorithm'
  | 'caa'
  | 'compound'
  | 'connection'
  | 'dns'
  | 'externalAccountRequired'
  | 'incorrectResponse'
  | 'invalidContact'
  | 'invalidProfile'
  | 'malformed'
  | 'orderNotReady'
  | 'rateLimited'
  | 'rejectedIdentifier'
  | 'serverInternal'
  | 'tls'
  | 'unauthorized'
  | 'unsupportedContact'
  | 'unsupportedIdentifier'
  | 'userActionRequired';

/** A problem document, as stored and as sent. RFC 9457 */
export interface ProblemDocument {
  /** A URN, beginning with `urn:ietf:params:acme:error:`. */
  readonly type: string;
  readonly detail: string;
  readonly status?: number;
  readonly identifier?: Identifier;
  readonly instance?: string;
  readonly algorithms?: readonly string[];
  readonly subproblems?: readonly ProblemDocument[];
}

const namespace = 'urn:ietf:params:acme:error:';

/** Where it is not 400. */
const statuses: Partial<Record<ProblemType, number>> = {
  alreadyReplaced: 409,
  caa: 403,
  externalAccountRequired: 403,
  orderNotReady: 403,
  rateLimited: 429,
  serverInternal: 500,
  unauthorized: 403,
  userActionRequired: 403,
};

export interface ProblemMore extends Pick<
  ProblemDocument,
  'identifier' | 'instance' | 'algorithms' | 'subproblems'
> {
  /** Where it is another than the type's own. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal: thrown anywhere below a handler, answered as a problem document. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code = 'ERR_CA_REFUSAL';
  readonly document: ProblemDocument & { readonly status: number };
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    type: ProblemType,
    detail: string,
    { status = statuses[type] ?? 400, headers = {}, ...more }: ProblemMore = {},
  ) {
    super(detail);
    this.document = { type: namespace + type, detail, status, ...more };
    this.headers = headers;
  }
}

/** What a handler throws to refuse. */
export function refusal(type: ProblemType, detail: string, more?: ProblemMore): Refusal {
  return new Refusal(type, detail, more);
}

/** A problem that is part of an object, such as a challenge's error. */
export function problem(
  type: ProblemType,
  detail: string,
  more: Pick<ProblemDocument, 'identifier' | 'subproblems'> = {},
): ProblemDocument {
  return { type: namespace + type, detail, ...more };
}

/** Whether something thrown is a refusal. */
export function isRefusal(error: unknown): error is Refusal {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_CA_REFUSAL'
  );
}

/**
 * One problem for all refused names: the only one itself, or a compound of them. RFC 8555 §6.7.1
 */
export function refusedNames(subproblems: readonly ProblemDocument[]): Refusal {
  const [first, ...rest] = subproblems;
  const word = (
    first && rest.every(({ type }) => type === first.type)
      ? first.type.slice(namespace.length)
      : 'compound'
  ) as ProblemType;
  if (first && rest.length === 0)
    return refusal(word, first.detail, first.identifier ? { identifier: first.identifier } : {});
  return refusal(word, `${subproblems.length} names are refused: see each subproblem`, {
    subproblems,
  });
}

/**
 * A text of a client's in a message: not too long, and with nothing in it that a terminal would
 * obey.
 */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 260)).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
