import { printable } from '@acmex/errors';
import { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { CertificateError } from '../errors.ts';

/** Logs by their ids, as `readLogList` returns them. */
export type LogList = ReadonlyMap<string, Log>;

/** A log of a list. Its texts are untrusted. */
export interface Log {
  /** As the list says, base64; verification compares it with the key. */
  readonly id: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly key: Uint8Array;
  readonly description: string | undefined;
  readonly operator: string;
  /** `usable`, `retired` and others; absent for a list without states. */
  readonly state: { readonly name: string; readonly since: Temporal.Instant } | undefined;
}

/** Lists have about 100 KB. */
const largestList = 8 * 1024 * 1024;

const base64 = z.base64({ error: 'must be base64' }).min(1, { error: 'must not be empty' });
const instant = z.iso.datetime({
  offset: true,
  error: 'must be a time such as 2026-01-31T00:00:00Z',
});

const log = z.object({
  description: z.string({ error: 'must be a text' }).optional(),
  log_id: base64.refine((id) => Buffer.from(id, 'base64').length === 32, {
    error: 'must be 32 bytes in base64',
  }),
  key: base64,
  state: z
    .record(z.string(), z.object({ timestamp: instant }, { error: 'must have a timestamp' }))
    .refine((state) => Object.keys(state).length === 1, { error: 'must be exactly one state' })
    .optional(),
});
const logs = z.array(log, { error: 'must be a list of logs' }).optional();
const operator = z.object({
  name: z.string({ error: 'must be the name of the operator' }),
  logs,
  tiled_logs: logs,
});
const list = z
  .object(
    { operators: z.array(operator, { error: 'must be a list of operators' }) },
    { error: 'must be an object' },
  )
  .refine(({ operators }) => operators.some((entry) => logsOf(entry).length > 0), {
    path: ['operators'],
    error: 'must have a log',
  });

type LogEntry = z.infer<typeof log>;

function logsOf({
  logs: entries = [],
  tiled_logs: tiled = [],
}: z.infer<typeof operator>): readonly LogEntry[] {
  return [...entries, ...tiled];
}

/**
 * Reads a list of logs in version 3 of the form that Chrome publishes; Apple's list has the same
 * members. Members that verification does not need are not checked.
 *
 * @param json the text of the list, 8 MiB at most
 * @throws CertificateError `ERR_CERTIFICATE_LOG_LIST`, which names the first members that are wrong
 */
export function readLogList(json: string): LogList {
  if (json.length > largestList) throw unusable('it is larger than 8 MiB');
  const { success, data, error } = list.safeParse(parseJson(json));
  if (!success) throw unusable(faultsOf(error.issues));
  return new Map(
    data.operators
      .flatMap((entry) => logsOf(entry).map((logEntry) => toLog(logEntry, entry.name)))
      .map((entry) => [entry.id, entry]),
  );
}

function toLog({ log_id: id, key, description, state = {} }: LogEntry, operatorName: string): Log {
  const [current] = Object.entries(state);
  return {
    id: Buffer.from(id, 'base64').toString('base64'),
    key: Uint8Array.from(Buffer.from(key, 'base64')),
    description,
    operator: operatorName,
    state: current && { name: current[0], since: Temporal.Instant.from(current[1].timestamp) },
  };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw unusable('it is not JSON', cause);
  }
}

/** Names the first faults by their paths, such as `operators[0].logs[2].key`. */
function faultsOf(issues: readonly z.core.$ZodIssue[]): string {
  const texts = issues
    .slice(0, 3)
    .map(({ path, message }) => `${pathText(path) || 'the list'} ${message}`);
  const more = issues.length > 3 ? [`${issues.length - 3} more`] : [];
  return printable([...texts, ...more].join('; '), 500);
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function unusable(reason: string, cause?: unknown): CertificateError {
  return new CertificateError(
    'ERR_CERTIFICATE_LOG_LIST',
    `the list of logs cannot be used: ${reason}; use version 3 of a list, such as https://www.gstatic.com/ct/log_list/v3/log_list.json`,
    { cause },
  );
}
