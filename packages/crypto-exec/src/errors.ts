import { defineErrors, type ErrorTable } from '@acmex/errors';

/**
 * What can go wrong with keys that a program signs with. `exit` is the exit code of a program that
 * ends with the error, `http` the status of a service that passes it on.
 */
export const signerErrors = {
  ERR_SIGNER_REFERENCE: {
    meaning: 'The reference of a key cannot be used.',
    cure: 'Write it as pkcs11:token=TOKEN;object=LABEL, or NAME:KEY with the name of a program in [keys.programs].',
    exit: 2,
    http: 422,
    fixedBy: 'person',
  },
  ERR_SIGNER_KEY: {
    meaning: 'The device or the service has no such key, or one that cannot be used here.',
    cure: 'Compare the reference with the keys of the device: pkcs11-tool --list-objects.',
    exit: 3,
    http: 422,
    fixedBy: 'person',
  },
  ERR_SIGNER_PIN: {
    meaning: 'The device or the service refused the PIN.',
    cure: 'Correct the PIN; it is not tried again before, because devices lock after a few wrong PINs.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_SIGNER_PROGRAM: {
    meaning: 'The program that signs cannot be started, or others could change it.',
    cure: 'Install it, or correct its path or its permissions as the message says.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_SIGNER_FAILED: {
    meaning: 'The program that signs ended with an error.',
    cure: 'Read what it wrote, and run it by hand.',
    exit: 3,
    http: 500,
  },
  ERR_SIGNER_TIME: {
    meaning: 'The program that signs did not end within its time limit, and was ended.',
    cure: 'Run it by hand: it may wait for input or for the network; or set a longer timeout_secs.',
    exit: 3,
    http: 500,
  },
  ERR_SIGNER_OUTPUT: {
    meaning: 'The program that signs wrote something else than it was asked for.',
    cure: 'Let it write only the public key or the signature to standard output.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
  ERR_SIGNER_SIGNATURE: {
    meaning: 'A signature does not belong to the public key and the data, and was not used.',
    cure: 'Check that the program signs with the key whose public key it shows.',
    exit: 3,
    http: 500,
    fixedBy: 'person',
  },
} as const satisfies ErrorTable<'SIGNER'>;

export type SignerErrorCode = keyof typeof signerErrors;

/** A failure of a key that a program signs with. Compare `code` to distinguish causes. */
export class SignerError extends defineErrors('Signer', signerErrors) {}
