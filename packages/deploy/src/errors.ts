import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * Why a certificate that was issued is not where it is used.
 * `exit` is the exit code of a program that ends with it, `http` the status of a service that passes it on.
 */
export const deployErrors = {
  ERR_DEPLOY_TARGET: {
    meaning: 'A place to deploy to cannot be used as it is described.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_DEPLOY_FILE: {
    meaning:
      'A certificate or its key cannot be written where it is used. What was there is whole.',
    cure: 'Check the path, its permissions and the room on the disk.',
    exit: 8,
    http: 500,
  },
  ERR_DEPLOY_UNSAFE: {
    meaning: "A hook could have been written by others, and would be run with this user's rights.",
    cure: 'Take the right to write from them, as the message says.',
    exit: 2,
    http: 500,
  },
  ERR_DEPLOY_HOOK: {
    meaning: 'A hook failed, could not be started, or took too long.',
    cure: 'Read what it wrote; run it by hand with the same arguments.',
    exit: 8,
    http: 500,
  },
  ERR_DEPLOY_PROBE: {
    meaning: 'The place that should serve the new certificate serves another, or none.',
    cure: 'Check that the server reads these files, and that it was told to read them again.',
    exit: 8,
    http: 500,
  },
} as const satisfies ErrorTable<'DEPLOY'>;

export type DeployErrorCode = keyof typeof deployErrors;

/** A failure of this package. Tell kinds apart by `code`. */
export class DeployError extends defineErrors('Deploy', deployErrors) {}
