/** What can go wrong on this side of the command line; `exit` is the program's exit code. */
export const cliErrors = {
  ERR_CLI_USAGE: {
    meaning: 'The command line cannot be understood.',
    cure: 'See acmex COMMAND --help.',
    exit: 2,
    http: 400,
  },
  ERR_CLI_CONFIG: {
    meaning: 'The configuration has faults.',
    cure: 'Correct each that the message names.',
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
    meaning: 'A file that would be written exists already.',
    cure: 'Choose another path, or give --force to replace it.',
    exit: 3,
    http: 409,
  },
  ERR_CLI_STORAGE_CHECK: {
    meaning: 'The storage does not do what every storage must.',
    cure: 'Use another storage; report it to who wrote its driver.',
    exit: 3,
    http: 500,
  },
  ERR_CLI_INCOMPLETE: {
    meaning: 'A part was done, and another was not.',
    cure: 'Read the warnings before it; repeating goes on where it ended.',
    exit: 9,
    http: 500,
  },
  ERR_CLI_NOT_DEPLOYED: {
    meaning: 'The certificate was issued and lies in the storage, but not where it is used.',
    cure: 'Mend what the message names; acmex renew tries it again without ordering again.',
    exit: 8,
    http: 500,
  },
  ERR_CLI_PACKAGE: {
    meaning: 'A package that the command needs is not installed.',
    cure: 'Run the npm install that the message names.',
    exit: 2,
    http: 500,
  },
  ERR_CLI_SERVER_UNREACHABLE: {
    meaning: 'No AcmeX server can be reached, or none can do its work.',
    cure: "Check the URLs, the network and the servers' own logs; what lies in the files stays.",
    exit: 4,
    http: 502,
  },
  ERR_CLI_SERVER_ANSWER: {
    meaning: 'What answered is no AcmeX server.',
    cure: 'Check the URL: give it without a path, as https://acmex.example.',
    exit: 4,
    http: 502,
  },
  ERR_CLI_SERVER_REFUSED: {
    meaning: 'The AcmeX server refuses the key, or what it asks for.',
    cure: 'Use a key with the scopes and names that the message tells of.',
    exit: 5,
    http: 403,
  },
  ERR_CLI_SERVER_BUSY: {
    meaning: 'The AcmeX server takes no more for now.',
    cure: 'Come back later.',
    exit: 7,
    http: 429,
  },
  ERR_CLI_NO_CERTIFICATE: {
    meaning: 'A certificate is not on the server, or was not issued yet, or is not for this key.',
    cure: 'Check its name or id, and the names of the key.',
    exit: 5,
    http: 404,
  },
  ERR_CLI_LISTEN: {
    meaning: 'A port cannot be listened on.',
    cure: 'Choose another address or port.',
    exit: 3,
    http: 500,
  },
} as const satisfies Record<
  `ERR_CLI_${string}`,
  { meaning: string; cure: string; exit: number; http: number }
>;

export type CliErrorCode = keyof typeof cliErrors;

/** A fault on this side of the command line. Tell kinds apart by `code`. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly code: CliErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
