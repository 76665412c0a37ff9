import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * What can be wrong with keys, requests and certificates. `exit` is the exit code of a program that
 * ends with it, `http` the status of a service that passes it on.
 */
export const certificateErrors = {
  ERR_KEY_FORMAT: {
    meaning: 'This is not a private key.',
    cure: 'Give a private key as PKCS#8, SEC1 or PKCS#1 PEM.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEY_NOT_PRIVATE: {
    meaning: 'This is a certificate, a request or a public key, where a private key is wanted.',
    cure: 'Give the private key that belongs to it.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEY_TYPE: {
    meaning: 'The key is of a type that is not supported.',
    cure: 'Use EC P-256, P-384 or P-521, RSA of 2048, 3072 or 4096 bits, or Ed25519.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEY_PASSPHRASE: {
    meaning: 'The key cannot be decrypted: the passphrase is wrong, or the file is damaged.',
    cure: 'Give the passphrase that the key was encrypted with.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEY_PASSPHRASE_MISSING: {
    meaning: 'The key is encrypted, and no passphrase was given.',
    cure: 'Give its passphrase.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEY_CIPHER: {
    meaning: 'The key is encrypted with a cipher that this OpenSSL does not offer.',
    cure: 'Encrypt it again where it was made: openssl pkcs8 -topk8 -v2 aes-256-cbc.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEY_NOT_EXPORTABLE: {
    meaning: 'The key cannot leave the place where it is kept.',
    cure: 'Use it there, or make one that can be exported.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_KEY_FIPS: {
    meaning: 'FIPS mode is asked for, and this Node.js does not run in it.',
    cure: 'Start Node.js with --force-fips and an OpenSSL that has a FIPS provider.',
    exit: 2,
    http: 500,
  },
  ERR_CSR_FORMAT: {
    meaning: 'This is not a certificate signing request, or its signature is wrong.',
    cure: 'Give a PKCS#10 request as PEM or DER.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_CSR_NAMES: {
    meaning: 'The certificate signing request has no names, or one that no certificate can have.',
    cure: 'Give DNS names as A-labels and IP addresses, in its subjectAltName.',
    exit: 2,
    http: 422,
  },
  ERR_CERTIFICATE_FORMAT: {
    meaning: 'This is not a certificate.',
    cure: 'Give certificates as PEM, or one as DER.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_CERTIFICATE_KEY: {
    meaning: "The CA issued for another key than the request's.",
    cure: 'Do not use it; report it to the CA.',
    exit: 5,
    http: 502,
  },
  ERR_CERTIFICATE_NAMES: {
    meaning: 'The CA issued for other names than those asked for.',
    cure: 'Do not use it; report it to the CA.',
    exit: 5,
    http: 502,
  },
  ERR_CERTIFICATE_CA: {
    meaning: "The CA issued a CA's certificate where a server's was asked for.",
    cure: 'Do not use it; report it to the CA.',
    exit: 5,
    http: 502,
  },
  ERR_CERTIFICATE_PURPOSE: {
    meaning: 'The CA issued a certificate that is not for the purpose that was asked for.',
    cure: 'Do not use it; order another profile, or report it to the CA.',
    exit: 5,
    http: 502,
  },
  ERR_CERTIFICATE_CHAIN: {
    meaning: 'The certificates do not follow from one another.',
    cure: 'Report it to the CA.',
    exit: 5,
    http: 502,
  },
  ERR_CERTIFICATE_VALIDITY: {
    meaning: 'The certificate is not valid now.',
    cure: "Check this machine's clock; else report it to the CA.",
    exit: 5,
    http: 502,
  },
  ERR_CERTIFICATE_SCT: {
    meaning: 'The signed certificate timestamps cannot be read.',
    cure: 'Get the certificate or the response again, or report it to the CA.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_CERTIFICATE_LOG_LIST: {
    meaning: 'This is not a list of Certificate Transparency logs.',
    cure: 'Use a list in version 3 of the form that Chrome publishes.',
    exit: 2,
    http: 422,
  },
  ERR_BUNDLE_FORMAT: {
    meaning: 'The file is of no format that certificates and keys have.',
    cure: 'Use PEM, DER, PKCS#7, PKCS#8, PKCS#12 or a Java keystore.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_BUNDLE_SEVERAL: {
    meaning: 'The file has several private keys.',
    cure: 'Export each with its certificate to a file of its own.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_BUNDLE_INCOMPLETE: {
    meaning: 'The format holds a certificate or a key that there is not.',
    cure: 'Add what the message names, or use another format.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_BUNDLE_KEY: {
    meaning: "The private key is not the certificate's.",
    cure: 'Use the key that the certificate was issued for.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_BUNDLE_PASSPHRASE: {
    meaning: 'The format needs a passphrase, or cannot have one.',
    cure: 'Use a passphrase, or leave it out, as the message says.',
    exit: 2,
    http: 422,
  },
} as const satisfies ErrorTable<'KEY' | 'CSR' | 'CERTIFICATE' | 'BUNDLE'>;

export type CertificateErrorCode = keyof typeof certificateErrors;

/** A key, a request or a certificate that cannot be used. Tell kinds apart by `code`. */
export class CertificateError extends defineErrors('Certificate', certificateErrors) {}
