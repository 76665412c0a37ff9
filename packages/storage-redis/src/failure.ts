import { errorCode } from '@acmex/errors';
import { StorageUnavailableError } from '@acmex/storage';

/** What Redis says instead of doing it, in our words; `elsewhere`: another connection, perhaps to another server, may do it. */
const refusals = {
  NOAUTH: {
    meaning: 'asks for a password: give `password`, with `username` for an ACL user',
    elsewhere: true,
  },
  WRONGPASS: {
    meaning:
      'knows no such user with this password, or the user is off: correct `username` and `password`',
    elsewhere: true,
  },
  NOPERM: {
    meaning:
      'does not let this user do it: give the user the keys ~{prefix}:* and the commands that the README lists',
    elsewhere: false,
  },
  READONLY: { meaning: 'is a replica now: the next call looks for the master', elsewhere: true },
  LOADING: { meaning: 'is still loading its data', elsewhere: false },
  MASTERDOWN: { meaning: 'is a replica that has lost its master', elsewhere: true },
  CLUSTERDOWN: { meaning: 'belongs to a Cluster that does not serve all keys', elsewhere: true },
  MOVED: {
    meaning: 'has given our keys to another node: the next call looks for it',
    elsewhere: true,
  },
  ASK: { meaning: 'is giving our keys to another node: wait until that is done', elsewhere: true },
  TRYAGAIN: {
    meaning: 'is giving our keys to another node: wait until that is done',
    elsewhere: false,
  },
  CROSSSLOT: { meaning: 'is a Cluster: give its `nodes`', elsewhere: false },
  OOM: {
    meaning: 'has no memory left for writing: raise maxmemory, or make room',
    elsewhere: false,
  },
  MISCONF: {
    meaning: 'cannot save to its disk, and takes no writes until it can: look at its log',
    elsewhere: false,
  },
  NOREPLICAS: {
    meaning: 'takes no writes without its replicas (min-replicas-to-write)',
    elsewhere: false,
  },
  BUSY: { meaning: 'is busy with a script of someone else', elsewhere: false },
} as const;

export interface Failure {
  readonly error: StorageUnavailableError;
  /** Whether the connection is of no more use. */
  readonly broken: boolean;
}

/**
 * Whatever a call to Redis ended with, as what the port knows.
 * The cause is a text: an error of the client carries the command with its arguments, which are values and passwords.
 */
export function failureOf(reason: unknown, where: string, trouble: unknown): Failure {
  const reply = refusalIn(messageOf(reason)) ?? refusalIn(messageOf(trouble));
  if (reply)
    return {
      error: unavailable(`Redis at ${where} ${refusals[reply].meaning}`, reason),
      broken: refusals[reply].elsewhere,
    };
  if (errorCode(reason) === 'ERR_TIME_LIMIT')
    return {
      error: unavailable(
        `Redis at ${where} did not answer in time${trouble === undefined ? '' : ` (${messageOf(trouble)})`}`,
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
      `Redis at ${where} cannot be reached: ${messageOf(trouble ?? reason)}`,
      reason,
    ),
    broken: true,
  };
}

const unavailable = (message: string, reason: unknown) =>
  new StorageUnavailableError(message, { cause: messageOf(reason) });

/** Redis 6 wraps what a script met: `ERR Error running script …: -OOM command not allowed`. */
function refusalIn(text: string): keyof typeof refusals | undefined {
  const [, word] = /(?:^|[ -])([A-Z]{3,})(?= )/.exec(text.replace(/^ERR .*?: -/, '')) ?? [];
  return word !== undefined && word in refusals ? (word as keyof typeof refusals) : undefined;
}

/** What an error of the client says, up to where Redis would repeat the arguments. */
export function messageOf(reason: unknown): string {
  const text =
    typeof reason === 'object' && reason !== null && 'message' in reason
      ? String(reason.message) || errorCode(reason) || 'it gives no reason'
      : String(reason);
  return text.replace(/,? with args beginning with.*$/s, '');
}

/** Whether Redis itself answered so. */
function isReply(reason: unknown): boolean {
  return (
    typeof reason === 'object' &&
    reason !== null &&
    'name' in reason &&
    reason.name === 'ReplyError'
  );
}
