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
  ERR_CLI_PACKAGE: {
    meaning: 'A package that the command needs is not installed.',
    cure: 'Run the command in the message.',
    exit: 2,
    http: 500,
  },
  ERR_CLI_SERVER_UNREACHABLE: {
    meaning: 'No AcmeX server can be reached, or none is working.',
    cure: "Check the URLs, the network and the servers' logs; the files stay as they are.",
    exit: 4,
    http: 502,
  },
  ERR_CLI_SERVER_ANSWER: {
    meaning: 'The response is not from an AcmeX server.',
    cure: 'Use the URL without a path, as https://acmex.example.',
    exit: 4,
    http: 502,
  },
  ERR_CLI_SERVER_REFUSED: {
    meaning: 'The AcmeX server refused the API key or the request.',
    cure: 'Use a key with the scopes and names in the message.',
    exit: 5,
    http: 403,
  },
  ERR_CLI_SERVER_BUSY: {
    meaning: 'The AcmeX server accepts no more requests for now.',
    cure: 'Try again later.',
    exit: 7,
    http: 429,
  },
  ERR_CLI_NO_CERTIFICATE: {
    meaning:
      'A certificate does not exist on the server, is not issued yet, or is not permitted to this key.',
    cure: 'Check the name or id, and the names of the key.',
    exit: 5,
    http: 404,
  },
} as const satisfies ErrorTable<'CLI'>;

export type CliErrorCode = keyof typeof cliErrors;

/** An error of the command line itself. Compare codes to distinguish them. */
export class CliError extends defineErrors('Cli', cliErrors) {}
