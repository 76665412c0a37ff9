import type { Identifier } from '@acmex/identifier';
import type { EgressError, EgressErrorCode } from '@acmex/egress';
import { errorCode } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';

/** What an answer was looked for in. Data for a log: it says where, never what was there. */
export type ValidationRecord =
  | {
      readonly type: 'connection';
      readonly to: string;
      readonly address: string;
      readonly port: number;
    }
  | {
      readonly type: 'look-up';
      readonly record: 'TXT' | 'CAA';
      readonly name: string;
      readonly recordCount: number;
    };

/** Why an identifier is not validated, in the words of RFC 8555 §6.7. */
export type ValidationProblemType =
  | 'caa'
  | 'connection'
  | 'dns'
  | 'incorrectResponse'
  | 'malformed'
  | 'serverInternal'
  | 'tls'
  | 'unauthorized';

export interface ValidationProblem {
  readonly valid: false;
  readonly type: ValidationProblemType;
  /**
   * For the client: names subject and cause. Nothing of a body, and no address behind a name, which
   * an unknown client may not know.
   */
  readonly detail: string;
  readonly records: readonly ValidationRecord[];
  /** For the operator's log. */
  readonly cause?: unknown;
}

/** What a CA saw from outside. */
export type Validation =
  | {
      readonly valid: true;
      readonly records: readonly ValidationRecord[];
      readonly until?: Temporal.Instant | undefined;
    }
  | ValidationProblem;

export function problem(
  type: ValidationProblemType,
  detail: string,
  records: readonly ValidationRecord[],
  cause?: unknown,
): ValidationProblem {
  return { valid: false, type, detail, records, ...(cause === undefined ? {} : { cause }) };
}

/** A challenge for an identifier that it cannot prove should never have been offered. */
export function unsupported(method: string, { type }: Identifier): ValidationProblem {
  return problem(
    'serverInternal',
    `${method} proves no identifier of type ${JSON.stringify(type.slice(0, 40))}`,
    [],
  );
}

const reasons: Readonly<Partial<Record<EgressErrorCode, ValidationProblemType>>> = {
  ERR_EGRESS_URL: 'connection',
  ERR_EGRESS_ADDRESS: 'connection',
  ERR_EGRESS_RESOLVE: 'dns',
  ERR_EGRESS_CONNECT: 'connection',
  ERR_EGRESS_TLS: 'tls',
  ERR_EGRESS_ANSWER: 'connection',
  ERR_EGRESS_REDIRECTS: 'connection',
  ERR_EGRESS_TOO_LARGE: 'incorrectResponse',
  ERR_EGRESS_TIME: 'connection',
};

/**
 * The problem that an error of @acmex/egress is to the client. Any other error is a fault of this
 * server.
 */
export function egressProblem(
  identifier: Identifier,
  error: unknown,
  records: readonly ValidationRecord[],
): ValidationProblem {
  const type = reasons[errorCode(error) as EgressErrorCode];
  if (type === undefined)
    return problem(
      'serverInternal',
      `${identifier.value}: the validation failed by a fault of this server; try again later`,
      records,
      error,
    );
  return problem(type, failedStep(identifier, error as EgressError, records), records, error);
}

const stepTexts: Readonly<Partial<Record<EgressErrorCode, string>>> = {
  ERR_EGRESS_URL:
    'a redirect leads to a URL that is not permitted: use http or https on its own port',
  ERR_EGRESS_ADDRESS: 'the host has no address that this server may connect to',
  ERR_EGRESS_RESOLVE: 'the look-up of the addresses of the host failed',
  ERR_EGRESS_CONNECT: 'there was no connection',
  ERR_EGRESS_TLS: 'there was no TLS connection',
  ERR_EGRESS_ANSWER: 'there was no HTTP answer',
  ERR_EGRESS_TOO_LARGE: 'the answer is too large',
  ERR_EGRESS_TIME: 'the time limit was reached',
};
/** Errors after which there was no connection, so the step has no record. */
const beforeConnection: readonly unknown[] = [
  'ERR_EGRESS_ADDRESS',
  'ERR_EGRESS_RESOLVE',
  'ERR_EGRESS_CONNECT',
];

/**
 * Returns which step failed. A host that a redirect names, and an address that a name has, may be
 * known to this server's network only: the text contains neither.
 */
function failedStep(
  { value }: Identifier,
  { code, message }: EgressError,
  records: readonly ValidationRecord[],
): string {
  const redirects = records.length - (beforeConnection.includes(code) ? 0 : 1);
  const where = redirects > 0 ? `${value}, after ${redirects} redirects` : value;
  if (code === 'ERR_EGRESS_REDIRECTS')
    return redirects >= 10
      ? `${value}: it redirects more than 10 times`
      : `${where}: a redirect has no Location`;
  const isHostOfClient =
    redirects <= 0 && code !== 'ERR_EGRESS_URL' && code !== 'ERR_EGRESS_ADDRESS';
  return isHostOfClient ? message : `${where}: ${stepTexts[code] ?? 'the request failed'}`;
}
