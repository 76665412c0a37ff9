import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * Why a challenge cannot be answered; `exit` is the exit code of a program that ends with it,
 * `http` the status of a service that passes it on.
 */
export const challengeErrors = {
  ERR_CHALLENGE_PORT_IN_USE: {
    meaning: 'Another program listens on the port.',
    cure: 'Stop it, choose another port, or let it serve the responses (a webroot, or the handler).',
    exit: 3,
    http: 503,
  },
  ERR_CHALLENGE_PORT_DENIED: {
    meaning: 'This user may not listen on the port.',
    cure: 'Ports below 1024 need root or CAP_NET_BIND_SERVICE; or choose another port and redirect to it.',
    exit: 3,
    http: 503,
    fixedBy: 'person',
  },
  ERR_CHALLENGE_LISTEN: {
    meaning: 'The listener could not be started.',
    cure: 'Check the address and the port.',
    exit: 3,
    http: 503,
  },
  ERR_CHALLENGE_WEBROOT: {
    meaning: 'The webroot cannot be written or read.',
    cure: 'Check that the directory exists, and its permissions.',
    exit: 3,
    http: 503,
  },
  ERR_CHALLENGE_TOKEN: {
    meaning: 'A token has other characters than base64url has.',
    cure: 'Report it to the CA.',
    exit: 4,
    http: 502,
  },
  ERR_CHALLENGE_MODULE: {
    meaning: 'A package that this type of challenge needs is not installed.',
    cure: 'Install the package that the message names.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_CHALLENGE_DRAFT: {
    meaning: 'The challenge is defined by a draft, and its version is not named, or is not known.',
    cure: 'Name the version that the CA follows, one of those in the message.',
    exit: 2,
    http: 422,
  },
  ERR_CHALLENGE_RECORD: {
    meaning: 'The record that proves a name by dns-persist-01 is not in DNS as it must be.',
    cure: 'Set it as the message says, at every server that the message names.',
    exit: 6,
    http: 422,
  },
  ERR_CHALLENGE_NOT_VISIBLE: {
    meaning: 'A response was put in place, but another answer comes from there.',
    cure: 'Check what else serves the address.',
    exit: 3,
    http: 503,
  },
} as const satisfies ErrorTable<'CHALLENGE'>;

export type ChallengeErrorCode = keyof typeof challengeErrors;

/** A challenge that cannot be answered. Tell kinds apart by `code`. */
export class ChallengeError extends defineErrors('Challenge', challengeErrors) {}
