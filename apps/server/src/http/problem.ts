import { caErrors } from '@acmex/ca/vocabulary';
import { certificateErrors } from '@acmex/certificate';
import { signerErrors } from '@acmex/crypto-exec';
import { configErrors } from '@acmex/config';
import type { Clock } from '@acmex/clock';
import { errorCode, printable } from '@acmex/errors';
import { managerErrors } from '@acmex/manager';
import { orchestratorErrors } from '@acmex/orchestrator';
import { identifierErrors } from '@acmex/identifier';
import { auditErrors } from '@acmex/observability/audit';
import { keystoreErrors } from '@acmex/pkcs12';
import { acmeErrors } from '@acmex/protocol';
import { newId, storageErrors } from '@acmex/storage';
import * as z from 'zod';
import { type FieldError, ServerError, serverErrors } from '../errors.ts';
import { type ServerPaths, serverPaths } from './server-paths.ts';

/** RFC 9457. `type` and `code` are stable. */
export const problemSchema = z
  .object({
    type: z.string().describe('urn:acmex:error: and the code.'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string().describe('Stable, for programs.'),
    cure: z.string().optional().describe('What to do about it.'),
    instance: z
      .string()
      .optional()
      .describe('Of a fault of the server: what to look for in its log.'),
    errors: z
      .array(
        z.object({
          pointer: z.string().optional(),
          parameter: z.string().optional(),
          detail: z.string(),
        }),
      )
      .optional()
      .describe('Fields of the body by JSON pointer, or parameters, that are wrong.'),
    acme: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("The CA's own problem document. RFC 8555 §6.7"),
  })
  .meta({ id: 'Problem' });

export interface Problem {
  readonly status: number;
  readonly body: z.infer<typeof problemSchema>;
  readonly headers: Readonly<Record<string, string>>;
  /** The error, for the log only. */
  readonly fault?: unknown;
}

type Row = Readonly<{ meaning: string; cure: string; http: number }>;
const tables: ReadonlyMap<string, Row> = new Map(
  Object.entries<Row>({
    ...identifierErrors,
    ...acmeErrors,
    ...certificateErrors,
    ...signerErrors,
    ...keystoreErrors,
    ...configErrors,
    ...managerErrors,
    ...orchestratorErrors,
    ...storageErrors,
    ...auditErrors,
    ...caErrors,
    ...serverErrors,
  }),
);
/** What Nest makes of the faults of Fastify, before a route is reached. */
const ofStatus: Readonly<Record<number, keyof typeof serverErrors>> = {
  400: 'ERR_SERVER_REQUEST',
  404: 'ERR_SERVER_NOT_FOUND',
  413: 'ERR_SERVER_TOO_LARGE',
  414: 'ERR_SERVER_TOO_LARGE',
  415: 'ERR_SERVER_MEDIA_TYPE',
};
/** Faults of parts that mean something else to a caller. */
const serverCodes: Readonly<Record<string, keyof typeof serverErrors>> = {
  ERR_STORAGE_CONFLICT: 'ERR_SERVER_CONFLICT',
  ERR_STORAGE_UNAVAILABLE: 'ERR_SERVER_UNAVAILABLE',
};

/** Faults that a person must fix in the storage: the report of a fault of ours would not help. */
const namedFaults: ReadonlySet<string> = new Set(['ERR_STORAGE_CORRUPT', 'ERR_STORAGE_NEWER']);

/** The codes that an answer can have, with their meanings and cures. */
export const answerableErrors: ReadonlyMap<string, Row> = new Map(
  [...tables].filter(
    ([code, { http }]) =>
      !Object.hasOwn(serverCodes, code) &&
      (http !== 500 || namedFaults.has(code) || Object.hasOwn(serverErrors, code)),
  ),
);

export interface ProblemOptions {
  readonly clock: Pick<Clock, 'now'>;
  /**
   * What was asked for, such as `GET /api/orders`: the detail begins with it where the error has no
   * message for callers.
   */
  readonly subject?: string | undefined;
  /** Removes the paths of files from the detail; by default those in the usual folders. */
  readonly paths?: ServerPaths | undefined;
}

/**
 * Returns the problem document for anything that was thrown. An error without a code is described
 * in the log only.
 */
export function problemOf(
  error: unknown,
  { clock, subject, paths = serverPaths() }: ProblemOptions,
): Problem {
  const thrown = errorCode(error) ?? '';
  const code = ofStatus[statusOf(error)] ?? serverCodes[thrown] ?? thrown;
  const row = tables.get(code);
  const isNamed = error instanceof ServerError || namedFaults.has(code);
  if (!row || (row.http === 500 && !isNamed)) return fault(error, subject);
  const {
    errors = [],
    retryAfter,
    problem,
  } = error as {
    readonly errors?: readonly FieldError[];
    readonly retryAfter?: unknown;
    readonly problem?: unknown;
  };
  const message = code === thrown && error instanceof Error ? error.message : undefined;
  const detail = paths.without(printable(message ?? describe(row.meaning, subject), 4000));
  const seconds = secondsUntil(
    retryAfter ?? (code === 'ERR_SERVER_UNAVAILABLE' ? 5 : undefined),
    clock,
  );
  return {
    status: row.http,
    headers: {
      ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }),
      ...(row.http === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: {
      type: `urn:acmex:error:${code}`,
      title: row.meaning,
      status: row.http,
      detail,
      code,
      cure: row.cure,
      ...(errors.length > 0 ? { errors: [...errors] } : {}),
      ...(isObject(problem) ? { acme: problem } : {}),
    },
    // The log has what the detail leaves out.
    ...(row.http >= 500 || paths.without(message ?? '') !== (message ?? '')
      ? { fault: error }
      : {}),
  };
}

/** Returns method and path of a request as errors name them: without its query. */
export function subjectOf({ method, url }: { readonly method: string; readonly url: string }) {
  return `${method} ${printable(url.split('?', 1)[0] ?? '', 200)}`;
}

function describe(meaning: string, subject: string | undefined): string {
  return subject === undefined ? meaning : `${subject}: ${meaning}`;
}

function fault(error: unknown, subject: string | undefined): Problem {
  const { meaning, cure, http } = serverErrors.ERR_SERVER_INTERNAL;
  const instance = newId('flt');
  return {
    status: http,
    headers: {},
    fault: error,
    body: {
      type: 'urn:acmex:error:ERR_SERVER_INTERNAL',
      title: meaning,
      status: http,
      detail: `${describe(meaning, subject)} The log knows it as ${instance}.`,
      code: 'ERR_SERVER_INTERNAL',
      cure,
      instance,
    },
  };
}

function statusOf(error: unknown): number {
  return isObject(error) && typeof error.getStatus === 'function' ? Number(error.getStatus()) : 0;
}

/** @param retryAfter seconds, or the moment that a CA or DNS host has named */
function secondsUntil(retryAfter: unknown, clock: ProblemOptions['clock']): number | undefined {
  if (typeof retryAfter === 'number') return Math.max(1, Math.ceil(retryAfter));
  if (!isObject(retryAfter) || typeof retryAfter.epochMilliseconds !== 'number') return undefined;
  const leftMs = retryAfter.epochMilliseconds - clock.now().epochMilliseconds;
  return Math.max(1, Math.ceil(leftMs / 1000));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
