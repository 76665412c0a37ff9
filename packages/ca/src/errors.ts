import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * What can be wrong with how a CA is set up and run. What an ACME client did wrong is not an error
 * of this kind: it gets a problem document. `exit` is the exit code of a program that ends with it,
 * `http` the status of a service that passes it on.
 */
export const caErrors = {
  ERR_CA_URL: {
    meaning: 'The address under which clients reach the CA is not a valid http or https URL.',
    cure: 'Give the URL that clients will use, with its path, as https://ca.example/acme.',
    exit: 2,
    http: 422,
  },
  ERR_CA_CONSTRAINTS: {
    meaning: 'A CA would be made that can issue for every name, or for one that is none.',
    cure: 'Name the domains and address ranges that it is for, or say that it has no constraints.',
    exit: 2,
    http: 422,
  },
  ERR_CA_NAME: {
    meaning: 'The name of the CA cannot be used.',
    cure: "Give a name of 1 to 48 characters that is not the development CA's.",
    exit: 2,
    http: 422,
  },
  ERR_CA_PASSPHRASE: {
    meaning: "The passphrase is too short to guard the root's key.",
    cure: 'Give 12 characters or more.',
    exit: 2,
    http: 422,
  },
  ERR_CA_KEY: {
    meaning: 'A CA cannot sign with a key of this type.',
    cure: 'Use EC P-256 or P-384, or RSA of 2048, 3072 or 4096 bits.',
    exit: 2,
    http: 422,
  },
  ERR_CA_CERTIFICATE: {
    meaning: "The certificate cannot be a CA's that issues here.",
    cure: 'Give a CA certificate and the private key that belongs to it.',
    exit: 2,
    http: 422,
  },
  ERR_CA_KEY_UNAVAILABLE: {
    meaning: 'The key of an issuing certificate cannot be opened.',
    cure: 'Make the key available again: its device, its program in the configuration, or a backup of the storage.',
    exit: 3,
    http: 500,
  },
  ERR_CA_EXISTS: {
    meaning: 'The storage holds a CA already.',
    cure: 'Use that one, or another storage.',
    exit: 3,
    http: 409,
  },
  ERR_CA_MISSING: {
    meaning: 'The storage holds no CA.',
    cure: 'Make one first, by acmex ca init or by saveAuthority.',
    exit: 3,
    http: 404,
  },
  ERR_CA_DEVELOPMENT: {
    meaning: 'A development CA and a real one are never the same.',
    cure: 'Make a real CA in a storage of its own.',
    exit: 2,
    http: 409,
  },
  ERR_CA_PROFILE: {
    meaning: 'A certificate profile cannot be used.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_CA_CHALLENGE: {
    meaning: 'A challenge type cannot be offered with its settings.',
    cure: 'Correct what the message names.',
    exit: 2,
    http: 422,
  },
  ERR_CA_NO_CERTIFICATE: {
    meaning: 'This CA has issued no certificate of this serial number.',
    cure: 'List the certificates to find the right one.',
    exit: 2,
    http: 404,
  },
  ERR_CA_IN_USE: {
    meaning: 'The issuing certificate is in use, so that it cannot be revoked.',
    cure: 'Replace the issuing certificate first, by acmex ca replace-issuing.',
    exit: 2,
    http: 409,
  },
  ERR_CA_REVOKED: {
    meaning: 'The certificate is revoked already.',
    cure: 'Nothing is left to do.',
    exit: 0,
    http: 409,
  },
  ERR_CA_REVOCATION_REASON: {
    meaning: 'A certificate cannot be revoked for this reason.',
    cure: 'Give one of the reasons that the message names.',
    exit: 2,
    http: 422,
  },
  ERR_CA_EXTERNAL_ACCOUNT: {
    meaning: 'There is no external account of this name.',
    cure: 'List the external accounts to find the right one.',
    exit: 2,
    http: 404,
  },
  ERR_CA_ADMIN_KEY: {
    meaning: 'The key of the list of certificates is missing or too short.',
    cure: 'Use 32 characters or more, for example from openssl rand -hex 32.',
    exit: 2,
    http: 422,
  },
  ERR_CA_LISTEN: {
    meaning: 'The CA cannot listen on the address or port.',
    cure: 'Use another address or port, or stop the program that uses it.',
    exit: 3,
    http: 500,
  },
  ERR_CA_WINDOW: {
    meaning: 'A renewal window ends before it starts.',
    cure: 'Give a start, and an end after it.',
    exit: 2,
    http: 422,
  },
} as const satisfies ErrorTable<'CA'>;

export type CaErrorCode = keyof typeof caErrors;

/** A failure in how a CA is set up or run. Tell kinds apart by `code`. */
export class CaError extends defineErrors('Ca', caErrors) {}
