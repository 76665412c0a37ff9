import { defineErrors, type ErrorTable } from '@acmex/errors';

/** The errors of the command line itself; `exit` is the program's exit code. */
export const cliErrors = {
  ERR_CLI_USAGE: {
    meaning: 'The command line is not valid.',
    cure: 'See acmex COMMAND --help.',
    exit: 2,
    http: 400,
  },
  ERR_CLI_CONFIG: {
    meaning: 'The configuration has faults.',
    cure: 'Correct each fault in the message.',
    exit: 2,
    http: 500,
  },
  ERR_CLI_FILE: {
    meaning: 'A file cannot be read or written.',
    cure: 'Check the path and its permissions.',
    exit: 3,
    http: 500,
  },
  ERR_CLI_EXISTS: {
    meaning: 'A file that would be written already exists.',
    cure: 'Use another path, or --force to replace it.',
    exit: 3,
    http: 409,
  },
  ERR_CLI_LISTEN: {
    meaning: 'A port cannot be listened on.',
    cure: 'Use another port, or stop the program that uses it.',
    exit: 3,
    http: 500,
  },
  ERR_CLI_STORAGE_CHECK: {
    meaning: 'The storage does not keep the storage contract.',
    cure: 'Use another storage, and report the fault to the author of its driver.',
    exit: 3,
    http: 500,
  },
  ERR_CLI_INCOMPLETE: {
    meaning: 'Only a part was done.',
    cure: 'Read the warnings above the error; run the command again to continue.',
    exit: 9,
    http: 500,
  },
  ERR_CLI_NOT_DEPLOYED: {
    meaning: 'The certificate was issued and stored, but not deployed.',
    cure: 'Correct the cause in the message; acmex renew deploys it without a new order.',
    exit: 8,
    http: 500,
  },
  ERR_CLI_SERVICE_USER: {
    meaning: 'The user that renews is not known, or this process cannot run as that user.',
    cure: 'Run the command as root or as that user, or name the user with --service-user.',
    exit: 3,
    http: 500,
  },
  ERR_CLI_NO_TRUST_STORE: {
    meaning: 'No store of trusted certificates is available, so none can be changed.',
    cure: 'Install the program that the message names, or use other kinds with --store.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_CLI_PACKAGE: {
    meaning: 'A package that the command needs is not installed.',
    cure: 'Run the command in the message.',
    exit: 2,
    http: 500,
  },
} as const satisfies ErrorTable<'CLI'>;

export type CliErrorCode = keyof typeof cliErrors;

/** An error of the command line itself. Compare codes to distinguish them. */
export class CliError extends defineErrors('Cli', cliErrors) {}
