import { defineErrors, type ErrorTable, type FixedBy, fixedBy } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';

/**
 * Every way in which talking to a CA can fail. `exit` is the exit code of a program that ends with
 * it, `http` the status of a service that passes it on.
 */
export const acmeErrors = {
  ERR_ACME_KEY: {
    meaning:
      'An account key cannot be used: not a private key, or of a kind that ACME has no algorithm for.',
    cure: 'Give a P-256, P-384, P-521, RSA (2048 bits or more) or Ed25519 private key.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_ACME_KEY_PASSPHRASE: {
    meaning: 'The account key is encrypted, and its passphrase is missing or wrong.',
    cure: 'Use the passphrase that the key was encrypted with, or a copy that is not encrypted.',
    exit: 3,
    http: 422,
  },
  ERR_ACME_URL: {
    meaning: 'The address of the directory is not an https URL.',
    cure: "Give the URL of the CA's ACME directory; plain http is for loopback addresses only.",
    exit: 2,
    http: 422,
  },
  ERR_ACME_UNREACHABLE: {
    meaning: 'No connection to the CA came about, so nothing was sent.',
    cure: 'Check the URL, the name resolution, the proxy and the firewall.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_PROXY: {
    meaning: 'The proxy cannot be used: its URL is not valid, it cannot be reached, or it refuses.',
    cure: 'Read the message; correct HTTPS_PROXY, HTTP_PROXY or network.proxy, or name the host in NO_PROXY.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_TLS: {
    meaning: "The CA's TLS certificate is not trusted.",
    cure: 'For a private CA, give its root certificate; else check the clock and the network.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_TIMEOUT: {
    meaning: 'The CA did not answer within the time limit.',
    cure: 'Try again; what was asked for may have happened.',
    exit: 4,
    http: 504,
  },
  ERR_ACME_ANSWER_LOST: {
    meaning:
      "The connection broke before the CA's answer was complete, and the request is not one that can be repeated safely.",
    cure: 'Read the state at the CA, then continue from there.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_NOT_ACME: {
    meaning: 'The URL does not answer with an ACME directory.',
    cure: 'Give the URL of the directory itself, such as https://acme-v02.api.letsencrypt.org/directory.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_ANSWER: {
    meaning:
      "The CA's answer breaks RFC 8555: a required member is missing, or its content is not of the announced kind.",
    cure: 'Report it to the CA, with the URL and the member named in the message.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_ANSWER_TOO_LARGE: {
    meaning: "The CA's answer is larger than 1 MiB.",
    cure: "Check that the URL is an ACME server's.",
    exit: 4,
    http: 502,
  },
  ERR_ACME_STATUS: {
    meaning: 'The CA answered with an HTTP error that carries no problem document.',
    cure: 'Try again later; if it stays, report it to the CA.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_NO_NONCE: {
    meaning: 'The CA gave no replay nonce.',
    cure: 'Report it to the CA.',
    exit: 4,
    http: 502,
  },
  ERR_ACME_NO_ACCOUNT: {
    meaning: 'The session has no account yet, and the request needs one.',
    cure: "Call newAccount first, or give the account's URL.",
    exit: 1,
    http: 500,
  },
  ERR_ACME_UNSUPPORTED: {
    meaning: "The CA's directory does not offer this operation.",
    cure: 'Do without it, or use another CA.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_POLL_LIMIT: {
    meaning: 'The CA was still at work when the time limit for waiting was reached.',
    cure: 'Run it again later: it continues with the same order where that is stored.',
    exit: 4,
    http: 504,
  },
  ERR_ACME_PROBLEM: {
    meaning: 'The CA refused with a problem type that no RFC names.',
    cure: 'Read the detail.',
    exit: 5,
    http: 502,
    fixedBy: 'time',
  },
  ERR_ACME_ACCOUNT_DOES_NOT_EXIST: {
    meaning: 'The account does not exist at this CA.',
    cure: 'Register it, or check that key and CA belong together.',
    exit: 5,
    http: 422,
    fixedBy: 'time',
  },
  ERR_ACME_ALREADY_REVOKED: {
    meaning: 'The certificate is revoked already.',
    cure: 'Nothing is left to do.',
    exit: 5,
    http: 409,
  },
  ERR_ACME_ALREADY_REPLACED: {
    meaning: 'The certificate named in `replaces` was replaced by another order (RFC 9773).',
    cure: 'Order without `replaces`.',
    exit: 5,
    http: 409,
    fixedBy: 'time',
  },
  ERR_ACME_BAD_CSR: {
    meaning: 'The CA does not accept the certificate signing request.',
    cure: "Check names, key type and extensions against the CA's rules.",
    exit: 5,
    http: 422,
  },
  ERR_ACME_BAD_NONCE: {
    meaning: 'The CA refused ten nonces in a row.',
    cure: 'Try again later; if it stays, report it to the CA.',
    exit: 5,
    http: 502,
    fixedBy: 'time',
  },
  ERR_ACME_BAD_PUBLIC_KEY: {
    meaning: 'The CA does not accept the account key.',
    cure: 'Use another type or size of key.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_BAD_REVOCATION_REASON: {
    meaning: 'The CA does not accept this reason for a revocation.',
    cure: 'Give another reason, or none.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_BAD_SIGNATURE_ALGORITHM: {
    meaning: 'The CA does not accept the signature algorithm of the account key.',
    cure: 'Use an account key of one of the kinds that the message names.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_CAA: {
    meaning: 'A CAA record forbids this CA to issue for the name.',
    cure: 'Add the CA to the CAA record of the domain.',
    exit: 6,
    http: 422,
    fixedBy: 'person',
  },
  ERR_ACME_COMPOUND: {
    meaning: 'Several things are wrong; the subproblems name them.',
    cure: 'Read each subproblem.',
    exit: 5,
    http: 422,
    fixedBy: 'time',
  },
  ERR_ACME_CONNECTION: {
    meaning: 'The CA could not connect to the server of the name.',
    cure: 'Open the port to the internet and check the address records of the name.',
    exit: 6,
    http: 422,
  },
  ERR_ACME_DNS: {
    meaning: 'The CA could not look the name up in DNS.',
    cure: 'Check that the name exists, and its DNSSEC.',
    exit: 6,
    http: 422,
  },
  ERR_ACME_EXTERNAL_ACCOUNT_REQUIRED: {
    meaning: 'The CA asks for an external account binding.',
    cure: 'Get a key identifier and an HMAC key from the CA and give both.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_INCORRECT_RESPONSE: {
    meaning: 'The CA saw something other than the expected answer to its challenge.',
    cure: 'Check that the name leads to this machine, and that no proxy or cache is in between.',
    exit: 6,
    http: 422,
  },
  ERR_ACME_INVALID_CONTACT: {
    meaning: 'The CA does not accept a contact address.',
    cure: 'Give a real e-mail address, or none.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_INVALID_PROFILE: {
    meaning: 'The CA does not offer this certificate profile.',
    cure: "Choose one of the profiles in the CA's directory.",
    exit: 5,
    http: 422,
  },
  ERR_ACME_MALFORMED: {
    meaning: 'The CA could not make sense of the request.',
    cure: 'Report it, with the detail.',
    exit: 5,
    http: 502,
    fixedBy: 'time',
  },
  ERR_ACME_ORDER_NOT_READY: {
    meaning: 'The order cannot be finalized yet.',
    cure: 'Wait until each name is validated.',
    exit: 5,
    http: 409,
    fixedBy: 'time',
  },
  ERR_ACME_RATE_LIMITED: {
    meaning: 'A rate limit of the CA is reached.',
    cure: 'Come back at the time in the message.',
    exit: 7,
    http: 429,
  },
  ERR_ACME_REJECTED_IDENTIFIER: {
    meaning: 'The CA does not issue for this name.',
    cure: 'Remove the name, or use another CA.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_SERVER_INTERNAL: {
    meaning: 'The CA has a fault of its own.',
    cure: "Try again later; read the CA's status page.",
    exit: 4,
    http: 502,
  },
  ERR_ACME_TLS_CHALLENGE: {
    meaning: 'The CA had a TLS error when it validated the name.',
    cure: 'Check what answers on port 443 of the name.',
    exit: 6,
    http: 422,
  },
  ERR_ACME_UNAUTHORIZED: {
    meaning:
      'The account may not do this, or the CA did not find the expected answer to its challenge.',
    cure: 'Check the account, and where the name leads.',
    exit: 6,
    http: 422,
  },
  ERR_ACME_UNSUPPORTED_CONTACT: {
    meaning: 'The CA does not take this kind of contact address.',
    cure: 'Give an e-mail address.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_UNSUPPORTED_IDENTIFIER: {
    meaning: 'The CA does not issue for this type of name.',
    cure: 'Leave the name out, choose another profile, or use another CA.',
    exit: 5,
    http: 422,
  },
  ERR_ACME_USER_ACTION_REQUIRED: {
    meaning: 'The CA wants a person to act, most often to agree to new terms of service.',
    cure: 'Visit the page named in the message.',
    exit: 5,
    http: 422,
  },
} as const satisfies ErrorTable<'ACME'>;

export type AcmeErrorCode = keyof typeof acmeErrors;

/**
 * A problem document: what went wrong, as the CA says it. RFC 9457, RFC 8555 §6.7
 * Its texts are data: show them with `printable` of `@acmex/errors`.
 */
export interface Problem {
  /** A URI; those of RFC 8555 begin with `urn:ietf:params:acme:error:`. */
  readonly type: string;
  readonly title?: string;
  readonly detail?: string;
  readonly status?: number;
  /** A page for a person to visit, with `userActionRequired`. */
  readonly instance?: string;
  /** The identifier that the problem is about. */
  readonly identifier?: { readonly type: string; readonly value: string };
  /** The algorithms that the CA accepts, with `badSignatureAlgorithm`. */
  readonly algorithms?: readonly string[];
  readonly subproblems?: readonly Problem[];
}

/** What the types of RFC 8555 begin with. */
export const errorNamespace = 'urn:ietf:params:acme:error:';

/** The error types of RFC 8555 §6.7, and of RFC 9773 and the profiles extension. */
const types = [
  'accountDoesNotExist',
  'alreadyRevoked',
  'alreadyReplaced',
  'badCSR',
  'badNonce',
  'badPublicKey',
  'badRevocationReason',
  'badSignatureAlgorithm',
  'caa',
  'compound',
  'connection',
  'dns',
  'externalAccountRequired',
  'incorrectResponse',
  'invalidContact',
  'invalidProfile',
  'malformed',
  'orderNotReady',
  'rateLimited',
  'rejectedIdentifier',
  'serverInternal',
  'tls',
  'unauthorized',
  'unsupportedContact',
  'unsupportedIdentifier',
  'userActionRequired',
];
const codes = Object.keys(acmeErrors) as AcmeErrorCode[];

/** Returns the last word of a known problem type, as `rateLimited`; undefined for any other. */
export function problemTypeOf({ type }: Pick<Problem, 'type'>): string | undefined {
  return types.find((candidate) => type === errorNamespace + candidate);
}

/**
 * The code of a problem: one for each type of RFC 8555 and its extensions, `ERR_ACME_PROBLEM` for
 * any other.
 */
export function problemCode({ type }: Problem): AcmeErrorCode {
  const word = problemTypeOf({ type });
  if (word === undefined) return 'ERR_ACME_PROBLEM';
  if (word === 'tls') return 'ERR_ACME_TLS_CHALLENGE'; // ERR_ACME_TLS is about the CA's own certificate
  return (
    codes.find(
      (code) => code === `ERR_ACME_${word.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`,
    ) ?? 'ERR_ACME_PROBLEM'
  );
}

/**
 * Returns what fixes a problem: a person, if that is so for its type or for one of its subproblems,
 * since the work succeeds only without all of them.
 */
export function problemFixedBy(problem: Problem): FixedBy {
  const { subproblems = [] } = problem;
  const isForPerson =
    fixedBy(acmeErrors[problemCode(problem)]) === 'person' ||
    subproblems.some((subproblem) => problemFixedBy(subproblem) === 'person');
  return isForPerson ? 'person' : 'time';
}

export interface AcmeErrorDetails {
  /** The CA's own words, where it sent a problem document. */
  readonly problem?: Problem;
  /** The HTTP status of the answer, where there was one. */
  readonly status?: number;
  /** When the CA wants to be asked again. */
  readonly retryAfter?: Temporal.Instant | undefined;
  /** A page of the CA about this refusal (the `help` link), where it named one. */
  readonly help?: string | undefined;
  /** The error that caused this one. */
  readonly cause?: unknown;
}

/** A failed exchange with a CA. Tell kinds apart by `code`. */
export class AcmeError extends defineErrors('Acme', acmeErrors) {
  readonly problem: Problem | undefined;
  readonly status: number | undefined;
  readonly retryAfter: Temporal.Instant | undefined;
  readonly help: string | undefined;

  constructor(
    code: AcmeErrorCode,
    message: string,
    { problem, status, retryAfter, help, ...options }: AcmeErrorDetails = {},
  ) {
    super(code, message, options);
    this.problem = problem;
    this.status = status;
    this.retryAfter = retryAfter;
    this.help = help;
  }

  /** For several problems in one document, what fixes all of them. */
  override get fixedBy(): FixedBy {
    const { subproblems = [] } = this.problem ?? {};
    const isForPerson = subproblems.some((subproblem) => problemFixedBy(subproblem) === 'person');
    return isForPerson ? 'person' : super.fixedBy;
  }
}
