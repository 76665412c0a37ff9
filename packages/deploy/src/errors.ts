import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * Why a certificate is not deployed. `exit` is the exit code of a program that ends with it before
 * a certificate is issued, `http` the status of a service that passes it on.
 */
export const deployErrors = {
  ERR_DEPLOY_TARGET: {
    meaning: 'A deployment target is not valid.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_DEPLOY_FILE: {
    meaning: 'A certificate or its key cannot be written. The previous file is unchanged.',
    cure: 'Check the path, its permissions and the free space on the disk.',
    exit: 3,
    http: 500,
  },
  ERR_DEPLOY_UNSAFE: {
    meaning: 'Others can change a hook, or a folder on the path of a deployed file.',
    cure: 'Change the owner or the permissions as the message says.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_DEPLOY_HOOK: {
    meaning: 'A hook failed, could not be started, or took too long.',
    cure: 'Read its output; run it by hand with the same arguments.',
    exit: 3,
    http: 500,
  },
  ERR_DEPLOY_PROBE: {
    meaning: 'The server does not serve the new certificate.',
    cure: 'Check that the server reads these files, and that a hook reloads it.',
    exit: 8,
    http: 500,
  },
  ERR_DEPLOY_CREDENTIALS: {
    meaning: 'A deploy target refused its credentials, or they cannot be read.',
    cure: 'Check the credentials of the target in acmex.toml, where they are stored, and what they may change.',
    exit: 8,
    http: 500,
  },
  ERR_DEPLOY_HOST_KEY: {
    meaning:
      'The host of a deploy target has an SSH host key that is not known, or a different one.',
    cure: 'Compare the key with that of the host, and write it to the file of known hosts.',
    exit: 8,
    http: 500,
  },
  ERR_DEPLOY_REFUSED: {
    meaning: 'A deploy target refused the certificate. The former certificate stays in use.',
    cure: 'Read what the target says; correct its table in acmex.toml, or the target itself.',
    exit: 8,
    http: 500,
  },
  ERR_DEPLOY_UNREACHABLE: {
    meaning: 'A deploy target cannot be reached, or its answer is not as expected.',
    cure: 'Check its address and the network. The deployment is tried again.',
    exit: 8,
    http: 500,
  },
  ERR_DEPLOY_ROLL_BACK: {
    meaning:
      'A new certificate was not confirmed at a deploy target, and the former one could not be put back.',
    cure: 'Look at the target: the message says what happened. The deployment is tried again.',
    exit: 8,
    http: 500,
  },
} as const satisfies ErrorTable<'DEPLOY'>;

export type DeployErrorCode = keyof typeof deployErrors;

/** A failure of this package. Compare `code` to distinguish causes. */
export class DeployError extends defineErrors('Deploy', deployErrors) {}
