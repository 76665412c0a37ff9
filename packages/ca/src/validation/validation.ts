import type { Identifier } from '@acmex/identifier';
import type { EgressErrorCode } from '@acmex/egress';
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
  // Its message lists the addresses: a name may have them from a resolver that sees more than the
  // client does.
  const detail =
    errorCode(error) === 'ERR_EGRESS_ADDRESS'
      ? `${identifier.value}: it, or a host that it redirects to, has no address that this server may connect to`
      : (error as Error).message;
  return problem(type, detail, records, error);
}
