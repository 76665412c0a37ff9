import { errorCode, errorText, printable } from '@acmex/errors';

export const LOG = Symbol('log');

/** Takes the entries of the server's log, which has faults that callers do not see. */
export type Log = (
  entry: {
    readonly level: 'error' | 'warn' | 'info' | 'debug';
    readonly msg: string;
    readonly code?: string | undefined;
  } & Readonly<Record<string, unknown>>,
) => void;

/** Logs an error that the server recovers from, as a warning. */
export function logError(
  log: Log,
  subject: string,
  error: unknown,
  fields: Readonly<Record<string, string>> = {},
): void {
  const code = errorCode(error);
  log({
    level: 'warn',
    msg: `${subject}: ${printable(errorText(error), 2000)}`,
    ...(code === undefined ? {} : { code }),
    ...fields,
  });
}
