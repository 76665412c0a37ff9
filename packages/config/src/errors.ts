import { defineErrors, type ErrorTable } from '@acmex/errors';
import { type Fault, faultText } from './fault.ts';

/**
 * Every way in which this package can fail. `exit` is the exit code of a program that ends with it,
 * `http` the status of a service that passes it on.
 */
export const configErrors = {
  ERR_CONFIG_FILE: {
    meaning: 'The configuration file is not there, or cannot be read.',
    cure: 'Check the path and its permissions.',
    exit: 2,
    http: 500,
  },
  ERR_CONFIG_UNSAFE: {
    meaning: 'Others than root and this user can change the configuration file.',
    cure: 'Run the chmod or chown that the message names.',
    exit: 2,
    http: 500,
  },
  ERR_CONFIG_INVALID: {
    meaning: 'The configuration has faults, each with its place.',
    cure: 'Correct each line that the message names.',
    exit: 2,
    http: 500,
  },
  ERR_CONFIG_CREDENTIAL: {
    meaning: 'A credential cannot be got where the configuration says it is.',
    cure: 'Read the message: it names the variable, file or command.',
    exit: 2,
    http: 500,
  },
  ERR_CONFIG_PACKAGE_MISSING: {
    meaning: 'The configuration names a part whose package is not installed.',
    cure: 'Run the npm install that the message names.',
    exit: 2,
    http: 500,
  },
  ERR_CONFIG_NETWORK: {
    meaning: 'A proxy or a file with root certificates cannot be used.',
    cure: 'Correct the variable or the key of [network] that the message names.',
    exit: 2,
    http: 500,
  },
  ERR_CONFIG_PROOF: {
    meaning: 'What is said of how names are proven does not fit together.',
    cure: 'Correct the flag or the key that the message names.',
    exit: 2,
    http: 422,
  },
  ERR_CONFIG_DEPLOY: {
    meaning: 'A deploy target is not in the configuration, or its options do not fit.',
    cure: 'Correct the table [deploy.NAME] that the message names.',
    exit: 2,
    http: 422,
  },
} as const satisfies ErrorTable<'CONFIG'>;

export type ConfigErrorCode = keyof typeof configErrors;

export interface ConfigErrorOptions extends ErrorOptions {
  readonly faults?: readonly Fault[];
}

/** A failure of this package. Tell kinds apart by `code`. No credential is ever in it. */
export class ConfigError extends defineErrors('Config', configErrors) {
  /** What is wrong with the configuration, one by one: of `ERR_CONFIG_INVALID`. */
  readonly faults: readonly Fault[];

  constructor(
    code: ConfigErrorCode,
    message: string,
    { faults = [], ...options }: ConfigErrorOptions = {},
  ) {
    super(code, message, options);
    this.faults = faults;
  }
}

/** One error for all faults, each in a line of its own. */
export function invalid(faults: readonly Fault[]): ConfigError {
  const heading =
    faults.length === 1
      ? 'the configuration cannot be used'
      : `the configuration has ${faults.length} faults`;
  return new ConfigError(
    'ERR_CONFIG_INVALID',
    [`${heading}:`, ...faults.map((fault) => `  ${faultText(fault)}`)].join('\n'),
    { faults },
  );
}
