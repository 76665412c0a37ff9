import type { Clock } from '@acmex/clock';
import { z } from 'zod';
import { credentialInFile } from './credential-file.ts';
import { credentialOfCommand } from './credential-command.ts';
import { ConfigError } from './errors.ts';
import { path } from './keys.ts';
import { Secret } from './secret.ts';
import type { Environment } from './substitution.ts';

/** Where credentials are got from. */
export interface CredentialAccess {
  readonly environment: Environment;
  readonly clock: Clock;
}

/** Makes the key of a credential; `meaning` as in the reference. */
export type CredentialKey = (meaning: string) => ReturnType<ReturnType<typeof credentialKey>>;

const wanted =
  'write "${NAME}", { env = "NAME" }, { file = "/path" } or { command = ["program", "argument"] }';
const place = z
  .strictObject(
    {
      env: z
        .string({ error: 'write the name of a variable' })
        .regex(/^[A-Za-z_]\w*$/, 'write the name of a variable')
        .optional()
        .meta({ description: 'Variable that holds it.' }),
      file: path('File that holds it; nobody else may read it.').optional(),
      command: z
        .tuple([z.string().min(1)], z.string(), {
          error: 'write it as an array: ["program", "argument"]',
        })
        .optional()
        .meta({ description: 'Program that writes it; no shell, 10 seconds.' }),
    },
    { error: wanted },
  )
  .refine(
    (one) => Object.values(one).filter((value) => value !== undefined).length === 1,
    'give exactly one of env, file and command',
  );

/** A credential is written in place, or as the place where it is kept; it is got when it is needed, each time anew. */
export function credentialKey(access: CredentialAccess) {
  return (meaning: string) =>
    z
      .union([z.string().min(1, wanted), place], { error: wanted })
      .transform((given) => new Secret(nonEmpty(given, access)))
      .meta({ description: meaning, writeOnly: true });
}

type Given = string | z.output<typeof place>;

function nonEmpty(given: Given, access: CredentialAccess): () => Promise<string> {
  return async () => {
    const text = await got(given, access);
    if (text !== '') return text;
    throw new ConfigError(
      'ERR_CONFIG_CREDENTIAL',
      `the credential of ${placeText(given)} is empty: put it there`,
    );
  };
}

async function got(given: Given, { environment, clock }: CredentialAccess): Promise<string> {
  if (typeof given === 'string') return given;
  if (given.file !== undefined) return await credentialInFile(given.file);
  if (given.command !== undefined)
    return await credentialOfCommand(given.command, { environment, clock });
  const value = environment[given.env ?? ''];
  if (value !== undefined) return value;
  throw new ConfigError(
    'ERR_CONFIG_CREDENTIAL',
    `the variable ${given.env}, which is to hold a credential, is not set: set it`,
  );
}

function placeText(given: Given): string {
  if (typeof given === 'string') return 'the configuration';
  if (given.file !== undefined) return `the file ${given.file}`;
  return given.command === undefined
    ? `the variable ${given.env}`
    : `the command ${given.command[0]}`;
}
