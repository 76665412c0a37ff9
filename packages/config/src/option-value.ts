import * as z from 'zod';
import type { CredentialKey } from './credential.ts';
import { apiUrl, argv, choice, path, switched, text, whole } from './keys.ts';

/** What the value of an option of a DNS provider or a deploy target can be. */
export interface OptionForm {
  readonly secret?: boolean;
  /**
   * Text by default; a command is a program with its arguments, a region the name of a place of a
   * cloud, settings are credentials by the names of variables.
   */
  readonly format?: 'url' | 'path' | 'port' | 'switch' | 'command' | 'region' | 'settings';
  readonly choices?: readonly [string, ...string[]];
}

/** The key of an option; `meaning` as in the reference. */
export function optionValue(
  { secret: isSecret, format, choices }: OptionForm,
  meaning: string,
  secret: CredentialKey,
) {
  if (isSecret) return secret(meaning);
  if (choices) return choice(choices, meaning);
  switch (format) {
    case 'url':
      return apiUrl(meaning);
    case 'path':
      return path(meaning);
    case 'port':
      return whole(meaning, { from: 1, to: 65_535 });
    case 'switch':
      return switched(meaning);
    case 'command':
      return argv(meaning);
    case 'region':
      return text(meaning).regex(
        /^[a-z\d]+(?:-[a-z\d]+)*$/,
        'write it as the cloud does, "ap-southeast-1", or remove the key',
      );
    case 'settings':
      return z
        .record(
          z.string().regex(/^[A-Za-z_]\w*$/, 'write the name of a variable'),
          secret('The value of a variable.'),
          { error: 'write a table: { NAME = "value" }' },
        )
        .meta({ description: meaning });
    case undefined:
      return text(meaning);
  }
}
