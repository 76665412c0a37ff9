import type { Clock } from '@acmex/clock';
import * as z from 'zod';
import { credentialInFile } from './credential-file.ts';
import { credentialOfCommand } from './credential-command.ts';
import { ConfigError } from './errors.ts';
import { path } from './keys.ts';
import { Secret } from './secret.ts';
import { type Environment, variable } from './substitution.ts';

/** The sources of credentials. */
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
      file: path('File that contains it; no other user may read the file.').optional(),
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
    (source) => Object.values(source).filter((value) => value !== undefined).length === 1,
    'write exactly one of env, file and command',
  );

/**
 * A credential is a text, or the place where it is stored. It is read each time when it is needed.
 */
export function credentialKey(access: CredentialAccess) {
  return (meaning: string) =>
    z
      .union([z.string().min(1, wanted), place], { error: wanted })
      .transform(
        (source) =>
          new Secret(nonEmpty(source, access), {
            isFromProgram: typeof source === 'object' && source.command !== undefined,
            isInline: typeof source === 'string',
          }),
      )
      .meta({ description: meaning, writeOnly: true });
}

type Given = string | z.output<typeof place>;

function nonEmpty(source: Given, access: CredentialAccess): () => Promise<string> {
  return async () => {
    const text = await got(source, access);
    if (text !== '') return text;
    throw new ConfigError(
      'ERR_CONFIG_CREDENTIAL',
      `the credential of ${placeText(source)} is empty: put it there`,
    );
  };
}

async function got(source: Given, { environment, clock }: CredentialAccess): Promise<string> {
  if (typeof source === 'string') return source;
  if (source.file !== undefined) return await credentialInFile(source.file);
  if (source.command !== undefined)
    return await credentialOfCommand(source.command, { environment, clock });
  const value = variable(environment, source.env ?? '');
  if (value !== undefined) return value;
  throw new ConfigError(
    'ERR_CONFIG_CREDENTIAL',
    `the variable ${source.env}, which is to hold a credential, is not set: set it`,
  );
}

function placeText(source: Given): string {
  if (typeof source === 'string') return 'the configuration';
  if (source.file !== undefined) return `the file ${source.file}`;
  return source.command === undefined
    ? `the variable ${source.env}`
    : `the command ${source.command[0]}`;
}
