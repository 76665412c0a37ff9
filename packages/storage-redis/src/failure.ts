import { errorCode } from '@acmex/errors';
import { StorageUnavailableError } from '@acmex/storage';

/**
 * The error replies of Redis, explained. `elsewhere`: a new connection, perhaps to a different
 * server, may work.
 */
const refusals = {
  NOAUTH: {
    meaning: 'asks for a password: set `password`, and `username` for an ACL user',
    elsewhere: true,
  },
  WRONGPASS: {
    meaning:
      'does not accept this user and password, or the user is off: correct `username` and `password`',
    elsewhere: true,
  },
  NOPERM: {
    meaning:
      'does not let this user do it: grant the user the keys ~{prefix}:* and the commands that the README lists',
    elsewhere: false,
  },
  READONLY: { meaning: 'is a replica now: the next call connects to the master', elsewhere: true },
  LOADING: { meaning: 'is still loading its data', elsewhere: false },
  MASTERDOWN: { meaning: 'is a replica that has lost its master', elsewhere: true },
  CLUSTERDOWN: { meaning: 'belongs to a Cluster that does not serve all keys', elsewhere: true },
  MOVED: {
    meaning: 'has moved our keys to a different node: the next call connects to that node',
    elsewhere: true,
  },
  ASK: {
    meaning: 'is moving our keys to a different node: wait until that is done',
    elsewhere: true,
  },
  TRYAGAIN: {
    meaning: 'is moving our keys to a different node: wait until that is done',
    elsewhere: false,
  },
  CROSSSLOT: { meaning: 'is a Cluster: set `nodes`', elsewhere: false },
  OOM: {
    meaning: 'has no memory left for writing: raise maxmemory, or delete data',
    elsewhere: false,
  },
  MISCONF: {
    meaning: 'cannot save to its disk, and takes no writes until it can: check its log',
    elsewhere: false,
  },
  NOREPLICAS: {
    meaning: 'takes no writes without its replicas (min-replicas-to-write)',
    elsewhere: false,
  },
  BUSY: {
    meaning: 'is busy with a script of a different client: wait until it ends',
    elsewhere: false,
  },
} as const;

export interface Failure {
  readonly error: StorageUnavailableError;
  /** Whether the connection must be replaced. */
  readonly broken: boolean;
}

/**
 * Converts whatever a call to Redis failed with to an error of the storage port. Its `cause` is a
 * text, because an error of the client contains the command with its arguments: values and
 * passwords.
 *
 * @param where the addresses, for the message
 * @param lastError the last error that the client reported outside of a reply
 */
export function failureOf(reason: unknown, where: string, lastError: unknown): Failure {
  const reply = refusalIn(messageOf(reason)) ?? refusalIn(messageOf(lastError));
  if (reply)
    return {
      error: unavailable(`Redis at ${where} ${refusals[reply].meaning}`, reason),
      broken: refusals[reply].elsewhere,
    };
  if (errorCode(reason) === 'ERR_TIME_LIMIT')
    return {
      error: unavailable(
        `Redis at ${where} did not answer in time${lastError === undefined ? '' : ` (${messageOf(lastError)})`}`,
        reason,
      ),
      broken: true,
    };
  if (isReply(reason))
    return {
      error: unavailable(`Redis at ${where} refused: ${messageOf(reason)}`, reason),
      broken: false,
    };
  return {
    error: unavailable(
      `Redis at ${where} cannot be reached: ${messageOf(lastError ?? reason)}`,
      reason,
    ),
    broken: true,
  };
}

const unavailable = (message: string, reason: unknown) =>
  new StorageUnavailableError(message, { cause: messageOf(reason) });

/**
 * Returns the known error code in a reply. Redis 6 wraps the error of a command in a script: `ERR
 * Error running script …: -OOM command not allowed`.
 */
function refusalIn(text: string): keyof typeof refusals | undefined {
  const [, word] = /(?:^|[ -])([A-Z]{3,})(?= )/.exec(text.replace(/^ERR .*?: -/, '')) ?? [];
  return word !== undefined && word in refusals ? (word as keyof typeof refusals) : undefined;
}

/** Returns the message of an error of the client, without the arguments that Redis repeats. */
export function messageOf(reason: unknown): string {
  const text =
    typeof reason === 'object' && reason !== null && 'message' in reason
      ? String(reason.message) || errorCode(reason) || 'it gives no reason'
      : String(reason);
  return text.replace(/,? with args beginning with.*$/s, '');
}

/** Reports whether the error is a reply of Redis, not a failure of the connection. */
function isReply(reason: unknown): boolean {
  return (
    typeof reason === 'object' &&
    reason !== null &&
    'name' in reason &&
    reason.name === 'ReplyError'
  );
}
