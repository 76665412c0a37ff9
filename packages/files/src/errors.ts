import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * The failures of this package. Errors of the operating system are passed on as Node throws them;
 * `fileErrorText` describes them. `exit` is the exit code of a program that ends with the error,
 * `http` the status of a service that passes it on.
 */
export const filesErrors = {
  ERR_FILES_UNSAFE: {
    meaning: 'A file or folder can be changed by a user who must not be able to change it.',
    cure: 'Change its owner or its permissions as the message says.',
    exit: 2,
    http: 500,
  },
  ERR_FILES_NOT_REGULAR: {
    meaning: 'A file must be written where a folder, device, pipe or socket exists.',
    cure: 'Choose another path.',
    exit: 2,
    http: 422,
  },
  ERR_FILES_PROGRAM: {
    meaning: 'A program does not exist or is not executable.',
    cure: 'Use an absolute path, or a name in PATH, and make the program executable.',
    exit: 2,
    http: 422,
  },
} as const satisfies ErrorTable<'FILES'>;

export type FilesErrorCode = keyof typeof filesErrors;

/** A failure of this package. Compare `code` to distinguish causes. */
export class FilesError extends defineErrors<FilesErrorCode>('Files', filesErrors) {}
