import { errorCode, errorText, printable, withoutPrivateKeys } from '@acmex/errors';

/** Takes the entries of the agent's log. A hook's output is part of them, without private keys. */
export type AgentLog = (
  entry: {
    readonly level: 'error' | 'warn' | 'info' | 'debug';
    readonly msg: string;
    readonly code?: string | undefined;
  } & Readonly<Record<string, unknown>>,
) => void;

/**
 * Returns an error in one line with its code. Private keys are removed: a hook may write anything.
 */
export function describeError(error: unknown): string {
  const code = errorCode(error);
  return `${withoutPrivateKeys(printable(errorText(error), 2000))}${code === undefined ? '' : ` [${code}]`}`;
}

/** Returns a log that removes private keys from messages. */
export function logWithoutPrivateKeys(log: AgentLog): AgentLog {
  return ({ msg, ...entry }) => log({ ...entry, msg: withoutPrivateKeys(msg) });
}
