import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import { argv, list, ownName, path, seconds, text } from '../keys.ts';

/** `[keys]`: how to sign with keys that never leave their device. */
export function keysTable(secret: CredentialKey) {
  const program = {
    pin: secret(
      'PIN or password of the device; the program gets it in the variable ACMEX_PIN.',
    ).optional(),
    env: list(
      text('Name.').regex(/^[A-Za-z_]\w*$/, 'write the name of a variable'),
      'Variables that the program sees, in addition to PATH and HOME.',
    ).default([]),
    timeout_secs: seconds('Time limit of one signature.', 1, 600).default(30),
  };
  return z.strictObject({
    pkcs11: z
      .strictObject({
        module: path('PKCS#11 library of the device.').optional(),
        tool: text("OpenSC's program pkcs11-tool, which signs.").default('pkcs11-tool'),
        ...program,
      })
      .prefault({})
      .meta({ description: 'Keys of the form pkcs11:token=TOKEN;object=LABEL.' }),
    programs: z
      .record(
        ownName('The name with which keys begin: NAME:KEY.'),
        z.strictObject({
          command: argv('Program that signs, with its first arguments.'),
          ...program,
        }),
      )
      .default({})
      .meta({ description: 'Programs that sign, by name, for keys of the form NAME:KEY.' }),
  });
}
