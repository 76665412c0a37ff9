/** What can go wrong on this side of the command line; `exit` is the program's exit code. */
export const cliErrors = {
  ERR_CLI_USAGE: { meaning: 'The command line cannot be understood.', cure: 'See acmex COMMAND --help.', exit: 2, http: 400 },
  ERR_CLI_CONFIG: { meaning: 'The configuration has faults.', cure: 'Correct each that the message names.', exit: 2, http: 500 },
  ERR_CLI_FILE: { meaning: 'A file cannot be read or written.', cure: 'Check the path and its permissions.', exit: 3, http: 500 },
  ERR_CLI_EXISTS: { meaning: 'A file that would be written exists already.', cure: 'Choose another path, or give --force to replace it.', exit: 3, http: 409 },
  ERR_CLI_STORAGE_CHECK: { meaning: 'The storage does not do what every storage must.', cure: 'Use another storage; report it to who wrote its driver.', exit: 3, http: 500 },
  ERR_CLI_INCOMPLETE: { meaning: 'A part was done, and another was not.', cure: 'Read the warnings before it; repeating goes on where it ended.', exit: 9, http: 500 },
  ERR_CLI_NOT_DEPLOYED: { meaning: 'The certificate was issued and lies in the storage, but not where it is used.', cure: 'Mend what the message names; acmex renew tries it again without ordering again.', exit: 8, http: 500 },
  ERR_CLI_PACKAGE: { meaning: 'A package that the command needs is not installed.', cure: 'Run the npm install that the message names.', exit: 2, http: 500 },
  ERR_CLI_LISTEN: { meaning: 'A port cannot be listened on.', cure: 'Choose another address or port.', exit: 3, http: 500 },
} as const satisfies Record<`ERR_CLI_${string}`, { meaning: string; cure: string; exit: number; http: number }>;

export type CliErrorCode = keyof typeof cliErrors;

/** A fault on this side of the command line. Tell kinds apart by `code`. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(readonly code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
