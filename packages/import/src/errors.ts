import { defineErrors, type ErrorTable } from '@acmex/errors';

/** The error codes of this package. */
export const importErrors = {
  ERR_IMPORT_DIRECTORY: {
    meaning: 'The directory is not one of the ACME client.',
    cure: 'Use the directory in which the client keeps its certificates and accounts.',
    exit: 2,
    http: 422,
  },
  ERR_IMPORT_FILE: {
    meaning: 'A file of the ACME client is missing or cannot be read.',
    cure: 'Run the command as the user that runs the client, or restore the file.',
    exit: 3,
    http: 422,
  },
  ERR_IMPORT_CERTIFICATE: {
    meaning: 'A certificate of the ACME client cannot be managed.',
    cure: 'Obtain the certificate again with acmex obtain.',
    exit: 3,
    http: 422,
  },
  ERR_IMPORT_KEY: {
    meaning: 'A private key of the ACME client cannot be used.',
    cure: 'Restore the file of the key, or obtain the certificate again with acmex obtain.',
    exit: 3,
    http: 422,
  },
  ERR_IMPORT_KEY_MISMATCH: {
    meaning: 'A private key of the ACME client is not the key of its certificate.',
    cure: 'Restore the file of the key, or obtain the certificate again with acmex obtain.',
    exit: 3,
    http: 422,
  },
  ERR_IMPORT_ACCOUNT: {
    meaning: 'An account of the ACME client cannot be used.',
    cure: 'Restore the file in the message, or register an account with acmex account register.',
    exit: 3,
    http: 422,
  },
  ERR_IMPORT_CA: {
    meaning: 'The directory does not say which CA issued a certificate.',
    cure: "Use --server with the URL of the CA's ACME directory.",
    exit: 2,
    http: 422,
  },
  ERR_IMPORT_TAKE_OVER: {
    meaning: 'The links of certbot are not as certbot makes them, or have been changed since.',
    cure: 'Let the link in the message lead where the message says, then repeat the command.',
    exit: 3,
    http: 422,
  },
} as const satisfies ErrorTable<'IMPORT'>;

export type ImportErrorCode = keyof typeof importErrors;

/** A failure of this package. Compare codes, not classes. */
export class ImportError extends defineErrors('Import', importErrors) {}
